"""Texts of every sort: how they are read, cut and numbered, and what is wrong with bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse import Problems, plan
from recurse.numerics.streams import Streams
from recurse.sources.text import BUNDLED, cut, decoded
from recurse.sources.tokens import Tokens
from recurse.sources.words import Words
from tests import gazette
from tests.sources.test_sources import SEEDS
from tests.statistics_checks import z_test

SENTENCE = "The cat's well-known hat, the hat — 2 HATS!\nÉté à l’été.\n"


@pytest.fixture
def poem(tmp_path: Path) -> Path:
    path = tmp_path / "poem.txt"
    path.write_text(SENTENCE, encoding="utf-8")
    return path


def test_the_gazette_is_what_its_grammar_writes() -> None:
    assert gazette.TARGET.read_text(encoding="utf-8") == gazette.write()
    assert str(gazette.TARGET).endswith(BUNDLED)
    text = Words().text
    assert 15_000 < len(text.symbols) < 25_000 and 800 < len(text.words) < 1200


def test_levels() -> None:
    words = ["the", "cat's", "well-known", "hat", ",", "the", "hat", "—", "2", "hats", "!"]
    words += ["été", "à", "l’été", "."]
    assert cut(SENTENCE.lower(), "words") == words
    assert cut(SENTENCE, "spaces")[:4] == ["The", "cat's", "well-known", "hat,"]
    assert cut("a\r\n\t b ", "characters") == ["a", " ", "b"]


def test_words_are_numbered_by_frequency(poem: Path) -> None:
    source = Words(path=str(poem))
    assert source.problems() == [] and source.alphabet == 13
    assert source.text.words[:2] == ("hat", "the") and source.text.counts[:3].tolist() == [2, 2, 1]
    np.testing.assert_allclose(source.p, np.array([2, 2] + [1] * 11) / 15)
    capital = Words(path=str(poem), lower=False)
    assert capital.text.words[0] == "hat" and "HATS" in capital.text.words
    few = Words(path=str(poem), vocabulary=2)
    assert few.text.words == ("hat", "the", "") and few.text.counts.tolist() == [2, 2, 11]
    assert Words(path=str(poem), vocabulary=13).alphabet == 13
    start = Words(path=str(poem), first=4)
    assert start.text.symbols.tolist() == [2, 0, 3, 1]  # each once: in the order of the alphabet
    drawn = source.draw(Streams(range(4000)), 0, "real", 8)["symbol"]
    shares = (drawn[..., None] == np.arange(13)).mean(axis=1)
    assert np.all(z_test(shares, source.p) < 0.02)


@pytest.mark.parametrize(
    "raw",
    [
        SENTENCE.encode(),
        SENTENCE.encode().rstrip(b"\n"),
        SENTENCE.replace("\n", "\r\n").encode(),
        SENTENCE.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + SENTENCE.encode(),
    ],
    ids=["plain", "no last line end", "CRLF", "CR", "BOM"],
)
@pytest.mark.parametrize("level", ["words", "spaces", "characters"])
def test_files_of_other_systems_are_the_same_text(poem: Path, raw: bytes, level: Any) -> None:
    expected = Words(path=str(poem), level=level).text
    other = poem.parent / "other.txt"
    other.write_bytes(raw)
    found = Words(path=str(other), level=level).text
    assert found.words == expected.words
    assert np.array_equal(found.symbols, expected.symbols)


BAD: dict[str, tuple[bytes, str]] = {
    "latin": ("one\ntwo\nth\xe9 end".encode("latin-1"), "line 3, column 3: not UTF-8"),
    "latin after a mark": (b"\xef\xbb\xbfab\r\ncd\xff", "line 2, column 3: not UTF-8"),
    "cut short": ("caf\xe9".encode()[:-1], "line 1, column 4: not UTF-8"),
    "wide": ("one two".encode("utf-16"), "UTF-16"),
    "binary": (b"ab\ncd\0ef", "line 2, column 3: a NUL"),
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "mark only": (b"\xef\xbb\xbf", "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_say_where(tmp_path: Path, name: str) -> None:
    raw, words = BAD[name]
    path = tmp_path / "bad.txt"
    path.write_bytes(raw)
    for source in (Words(path=str(path)), Tokens(path=str(path))):
        ((place, code, message),) = source.problems()
        assert (place, code) == ("path", "E208") and words in message and str(path) in message
    with pytest.raises(ValueError, match=words.split(":")[0]):
        decoded(raw)


def test_missing_files_and_small_ones(tmp_path: Path, poem: Path) -> None:
    for absent in (tmp_path / "absent.txt", tmp_path):
        ((place, code, message),) = Words(path=str(absent)).problems()
        assert (place, code) == ("path", "E208") and "cannot read" in message
    poem.write_text("one one one", encoding="utf-8")
    cases: list[tuple[Any, str, str]] = [
        (Words(path=str(poem)), "path", "one kind of token"),
        (Words(path=str(poem), level="characters", first=99), "first", "11 tokens, not 99"),
        (Tokens(path=str(poem), level="characters", length=4), "length", "2 blocks"),
        (Tokens(path=str(poem), level="characters", length=1, test=0.01), "test", "none of 11"),
    ]
    for source, place, words in cases:
        ((path, code, message),) = source.problems()
        assert (path, code) == (place, "E204") and words in message


def test_a_bad_file_has_its_place_in_the_spec(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"one\n\xff")
    spec = tmp_path / "bad.yaml"
    spec.write_text(
        "version: 1\nname: bad\nmodel: categorical\npolicy: replace\n"
        f"source: {{kind: words, path: '{tmp_path}/bad.txt'}}\n"
        "samples: {real: 9, synthetic: 9}\ngenerations: 1\nseeds: 1\nbackend: numpy\n"
        "metrics: [unique]\n"
    )
    with pytest.raises(Problems) as refused:
        plan(spec)
    (problem,) = refused.value.problems
    assert problem.code == "E208" and problem.span is not None
    assert (problem.span.line, problem.span.column) == (5, 29)
    assert "line 2, column 1" in problem.message


def test_pairs_of_words(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("a b a b a c a b", encoding="utf-8")
    source = Words(path=str(path), order=2)
    np.testing.assert_allclose(source.p, np.array([3, 2, 1, 1]) / 7)  # ab, ba, ac, ca
    assert source.problems() == [] and Words(path=str(path), order=8).problems()[0][0] == "order"
    assert "one kind of gram" in Words(path=str(path), order=9).problems()[0][2]


def test_the_digest_follows_the_content(poem: Path) -> None:
    before = Words(path=str(poem)).digest()
    assert before == Tokens(path=str(poem)).digest() != Words().digest()
    poem.write_text(SENTENCE + "more", encoding="utf-8")
    source = Words(path=str(poem))
    assert source.digest() != before and "more" in source.text.words


def test_blocks_are_used_once(tmp_path: Path) -> None:
    """Real, fresh and test blocks share none; a block is a stretch of the text."""
    path = tmp_path / "count.txt"
    path.write_text(" ".join(f"w{i:04d}" for i in range(1003)), encoding="utf-8")
    source = Tokens(path=str(path), length=10)
    assert source.available() == 80
    streams = Streams(SEEDS)
    parts = [source.draw(streams, 0, "real", 40)["tokens"]]
    parts += [source.draw(streams, g, "fresh", 10)["tokens"] for g in range(1, 5)]
    blocks = np.concatenate(parts, axis=1)
    assert np.all(np.diff(blocks, axis=2) == 1) and np.all(blocks[:, :, 0] % 10 == 0)
    held = source.heldout()["tokens"][:, 0].tolist()
    for row in blocks[:, :, 0].tolist():
        assert sorted(row + held) == list(range(0, 1000, 10))

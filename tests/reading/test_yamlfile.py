"""YAML reads by the 1.2 core rules, everything has a position, and no input crashes or hangs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from recurse.reading import yamlfile
from recurse.reading.problems import Problem, Problems
from recurse.reading.yamlevents import MAX_DEPTH, MAX_TEXT, MAX_VALUES
from recurse.reading.yamlfile import dump, parse


def refused(source: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(Problems) as raised:
        parse(source, "a.yaml")
    return raised.value.problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("5e-4", 0.0005),
        ("1E5", 100000.0),
        ("1e+3", 1000.0),
        ("1e12", 1e12),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0.0", 0.0),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("010", 10),
        ("0777", 777),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("1:30", "1:30"),
        ("2024-01-02", "2024-01-02"),
        ("nan", "nan"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    read = parse(f"key: {text}").data["key"]
    assert read == value
    assert type(read) is type(value)
    assert str(read) == str(value)  # 0.0 and -0.0 are equal but not the same


def test_keys_are_text_whatever_they_look_like() -> None:
    assert list(parse("on: 1\n1: 1\nnull: 1\n1.5: 1\n").data) == ["on", "1", "null", "1.5"]


def test_every_key_and_value_has_its_position() -> None:
    document = parse("a: 1\nb:\n  - x\n  - c: 'two\n      lines'\n    d: [1, 22]\n\n# end\n", "f")
    spans = {path: (entry.key, entry.value) for path, entry in document.index.items()}
    places = {
        path: tuple(s and (s.line, s.column, s.end_line, s.end_column) for s in pair)
        for path, pair in spans.items()
    }
    assert places == {
        (): (None, (1, 1, 6, 15)),
        ("a",): ((1, 1, 1, 2), (1, 4, 1, 5)),
        ("b",): ((2, 1, 2, 2), (3, 3, 6, 15)),
        ("b", 0): (None, (3, 5, 3, 6)),
        ("b", 1): (None, (4, 5, 6, 15)),
        ("b", 1, "c"): ((4, 5, 4, 6), (4, 8, 5, 13)),
        ("b", 1, "d"): ((6, 5, 6, 6), (6, 8, 6, 15)),
        ("b", 1, "d", 0): (None, (6, 9, 6, 10)),
        ("b", 1, "d", 1): (None, (6, 12, 6, 14)),
    }
    assert {entry.file for entry in document.index.values()} == {"f"}


def test_an_alias_is_a_copy_located_where_its_parts_were_written() -> None:
    document = parse("x: &x {a: 1, b: {c: 2}}\nz: *x\n")
    assert document.data["z"] == document.data["x"]
    assert document.data["z"]["b"] is not document.data["x"]["b"]
    assert document.index["z",].value.line == 2
    assert document.index["z", "b", "c"] == document.index["x", "b", "c"]


def test_merge_keys_add_what_is_not_given_and_keep_positions() -> None:
    text = "x: &x {a: 1, b: {c: 2}}\nw: &w {a: 5, d: 6}\ny:\n  <<: [*x, *w]\n  a: 3\nz:\n  <<: *w\n"
    document = parse(text)
    assert document.data["y"] == {"a": 3, "b": {"c": 2}, "d": 6}
    assert document.data["z"] == {"a": 5, "d": 6}
    assert document.index["y", "b", "c"].value.line == 1
    assert document.index["y", "a"].value.line == 5
    assert document.index["y", "d"].value.line == 2
    assert not [path for path in document.index if "<<" in path]


@pytest.mark.parametrize(
    ("source", "place", "code", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", (3, 1), "E008", "already given at 1:1"),
        ("a: {b: 1, b: 2}\n", (1, 11), "E008", "'b'"),
        ("a: !!python/object:os.system x\n", (1, 4), "E009", "!!python/object:os.system"),
        ("a: !foo [1]\n", (1, 4), "E009", "!foo"),
        ("a: ! 1\n", (1, 4), "E009", "'!'"),
        ("a: 1\n---\nb: 2\n", (2, 1), "E010", "second document"),
        ("a: *b\n", (1, 4), "E011", "no anchor"),
        ("a: &b [*b]\n", (1, 8), "E011", "inside"),
        ("a:\n  <<: 1\n", (2, 7), "E011", "mapping"),
        ("? [1]\n: 2\n", (1, 3), "E012", "plain text"),
        ("&a x: 1\n*a : 2\n", (2, 1), "E012", "plain text"),
        ("a: .nan\n", (1, 4), "E013", "finite"),
        ("a: -.inf\n", (1, 4), "E013", "finite"),
        ("a: 1e400\n", (1, 4), "E013", "too large"),
        ("a: 9223372036854775808\n", (1, 4), "E013", "64 bits"),
        (f"a: {'9' * 5000}\n", (1, 4), "E014", "5000"),
        (f"a: {'9' * 4000}\n", (1, 4), "E013", "64 bits"),
        (f"a: {'x' * (MAX_TEXT + 1)}\n", (1, 4), "E014", "4096"),
        ("a: \x01\n", (1, 4), "E003", "U+0001"),
        ("a: '\u2028'\n", (1, 5), "E003", "U+2028"),
        (b"ok: 1\na: \xff\n", (2, 4), "E002", "0xff"),
        ("a:\n\tb: 1\n", (2, 1), "E007", "tabs"),
        ("a: b: c\n", (1, 5), "E007", "quotes"),
        ("a: [1, 2\nb: 3\n", (1, 4), "E007", "not closed"),
        ("a: {b: 1\n", (1, 4), "E007", "not closed"),
        ("a: [1 2, [3}]\n", (1, 12), "E007", "missing"),
        ("a: 'x\nb: 1\n", (1, 4), "E007", "never closed"),
        ("a: @x\n", (1, 4), "E007", "'@'"),
        ("a: `x`\n", (1, 4), "E007", "'`'"),
        ("a:\n  - b\n c: 1\n", (3, 2), "E007", "indentation"),
        ("- a\nb: 1\n", (2, 1), "E007", "list item"),
        ('a: "\\q"\n', (1, 5), "E007", "escape"),
        ("{a: 1}}\n", (1, 7), "E007", "bracket"),
        ("%YAML 1.3\n---\na: 1\n", (1, 1), "E007", "1.2"),
    ],
)
def test_what_is_not_strict_yaml_is_refused_where_it_stands(
    source: str | bytes, place: tuple[int, int], code: str, words: str
) -> None:
    (problem,) = refused(source)
    assert problem.span is not None
    assert (problem.span.line, problem.span.column, problem.code) == (*place, code)
    assert words in problem.sentence


def test_reading_goes_on_after_problems_that_allow_it() -> None:
    found = refused("a: !x 1\na: 2\nb: .inf\nc: [1\n")
    assert [(p.code, p.span and p.span.line) for p in found] == [
        ("E009", 1),
        ("E008", 2),
        ("E013", 3),
        ("E007", 4),
    ]


def bomb(levels: int) -> str:
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merge_bomb(levels: int) -> str:
    lines = ["x0: &x0 {a: 1}"]
    for n in range(1, levels):
        sources = ", ".join(f"{{k{i}: *x{n - 1}}}" for i in range(8))
        lines.append(f"x{n}: &x{n}\n  <<: [{sources}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (bomb(10), "E006"),
        (merge_bomb(10), "E006"),
        ("a: [" + "1," * MAX_VALUES + "]", "E006"),
        ("[" * 200_000, "E005"),
        ("{a: " * 50_000, "E005"),
        ("- " * 50_000, "E005"),
        ("#" * (yamlfile.MAX_BYTES + 1), "E004"),
        ("a: &a {" + ",".join(f"k{n}: 1" for n in range(7000)) + "}\nb:\n  <<: *a\n", "E006"),
    ],
)
def test_bombs_are_refused_at_once(text: str, code: str) -> None:
    assert [problem.code for problem in refused(text)] == [code]


def test_a_mapping_merged_many_times_is_read() -> None:
    keys = ",".join(f"k{n}: 1" for n in range(4000))
    sources = ",".join(["*e"] * 4000)
    document = parse(f"e: &e {{}}\na: &a {{{keys}}}\nb:\n  <<: [{sources}, *a]\n")
    assert len(document.data["b"]) == 4000


def test_the_deepest_and_largest_that_is_allowed_is_read() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH).data is not None
    assert len(parse("[" + "1," * (MAX_VALUES - 1) + "]").data) == MAX_VALUES - 1
    assert parse("a: " + "x" * MAX_TEXT).data == {"a": "x" * MAX_TEXT}


def test_deep_nesting_does_not_crash_the_interpreter() -> None:
    code = "from recurse.reading.yamlfile import parse; parse('[' * 200_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "E005" in done.stderr


def test_without_libyaml_the_result_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1\nb: &x\n  - {c: 'd', e: [1.5, no]}\n  - |\n    text\nf: *x\ng:\n"
    fast = parse(text)
    assert issubclass(yamlfile.LOADER, yaml.CSafeLoader)
    monkeypatch.setattr(yamlfile, "LOADER", yaml.SafeLoader)
    slow = parse(text)
    assert (slow.data, slow.index) == (fast.data, fast.index)
    assert refused("a:\n\tb: 1\n")[0].sentence.startswith("tabs")
    assert refused("a: [1, 2\nb: 3\n")[0].sentence.startswith("this '[' is not closed")


PIECES = st.sampled_from(
    ["a", "b: ", "- ", "\n", "  ", "[", "]", "{", "}", ",", ": ", "? ", "&x ", "*x", "<<: ", "!t ",
     "'", '"', "|", ">", "#", "---", "...", "%", "\t", "1e3", ".nan", "~", "\\", "\r", "é", "@"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.binary(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
@example("\ufeffa: 1")
@example("\ud800")
@example('a: "\\ud800"')
@example(b"\xef\xbb\xbfa: b: c")
def test_any_input_gives_data_or_problems_inside_the_file(source: str | bytes) -> None:
    text = source.decode("utf-8", "replace") if isinstance(source, bytes) else source
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines.append("")  # libyaml puts what is missing at the end on a line of its own
    try:
        document = parse(source)
    except Problems as raised:
        spans = [problem.span for problem in raised.problems]
    else:
        spans = [entry.value for entry in document.index.values()]
    for span in spans:
        assert span is not None
        assert 1 <= span.line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 2


DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(
        ["no", "1e-3", "0o10", "1:30", "010", "y", "2024-01-02", "<<", "=", "1_0", "~"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab1:#yn~ .", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(DATA)
def test_what_is_dumped_reads_back_the_same_under_both_versions(data: Any) -> None:
    text = dump({"data": data})
    assert parse(text).data == {"data": data}
    assert yaml.safe_load(text) == {"data": data}


@pytest.mark.parametrize("text", ["no", "y", "1e-3", "0o10", "010", "1:30", "1_000", "", "null"])
def test_text_that_some_reader_would_retype_is_quoted(text: str) -> None:
    assert dump({"key": text}) == f"key: '{text}'\n"


def test_numbers_that_are_not_finite_are_not_written() -> None:
    with pytest.raises(ValueError, match="finite"):
        dump({"a": float("nan")})

"""Sources: the laws that they claim, disjoint real data, held-out data never trained on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.table import Table
from recurse.spec import kinds
from tests.closed_arms import SKEW
from tests.statistics_checks import z_test

SEEDS = (3, 1, 8)


def test_every_source(sources: dict[str, Source]) -> None:
    """Declared fields, replicates first, no problems, other numbers for other names and seeds."""
    assert sources.keys() == kinds("source").keys()
    for source in sources.values():
        assert source.problems() == []
        streams = Streams(SEEDS)
        for purpose, n in (("real", 20), ("fresh", 7), ("corrector", 5)):
            batch = source.draw(streams, 1, purpose, n)
            shapes = {name: (3, n, *shape) for name, shape in source.fields.items()}
            assert {name: v.shape for name, v in batch.items()} == shapes
        name = next(iter(source.fields))
        real, fresh = (source.draw(streams, 1, p, 20)[name] for p in ("real", "fresh"))
        assert not np.array_equal(real, fresh) and not np.array_equal(real[0], real[1])
        alone = source.draw(Streams((1,)), 1, "real", 20)[name]
        assert np.array_equal(alone[0], real[1])
        truth = source.truth(streams)
        assert (source.law is None) == (not truth)
        assert all(len(values) == 3 for values in truth.values())


def test_gaussian_law() -> None:
    x = SKEW.draw(Streams(range(5000)), 0, "real", 2)["x"]
    centred = x - SKEW.center
    assert np.all(z_test(x.mean(axis=1), SKEW.center) < 0.15)
    products = (centred[..., :, None] * centred[..., None, :]).mean(axis=1)
    assert np.all(z_test(products, SKEW.matrix) < 0.25)


def test_linear_regression_law() -> None:
    """Inputs standard normal, residuals of variance noise^2 independent of them, w* standard."""
    source = LinearRegression(dim=3, noise=2.0)
    streams = Streams(range(5000))
    batch, truth = source.draw(streams, 0, "real", 2), source.truth(streams)
    x, coef = batch["x"], truth["coef"]
    residual = batch["y"] - np.einsum("rnd,rd->rn", x, coef)
    assert np.all(z_test((x[..., None] * x[:, :, None]).mean(axis=1), np.eye(3)) < 0.12)
    assert np.all(z_test((residual[..., None] * x).mean(axis=1), 0.0) < 0.2)
    assert z_test((residual**2).mean(axis=1), 4.0) < 0.45
    assert np.all(z_test(coef, 0.0) < 0.12) and np.all(z_test(coef**2, 1.0) < 0.15)
    assert np.array_equal(truth["variance"], np.ones((5000, 3)))


def values(source: Source, streams: Streams, purpose: str, generation: int, n: int) -> Any:
    """One number that names each row, ``[R, n]``."""
    (field, *_) = source.fields
    batch = source.draw(streams, generation, purpose, n)[field]
    return (batch.astype(np.float64) @ np.sqrt(np.arange(2, 2 + batch.shape[-1]))).round(6)


@pytest.mark.parametrize("kind", ["digits", "table"])
def test_real_data_are_used_once(kind: str, sources: dict[str, Source]) -> None:
    """The real sample, all fresh samples and the test split share no row."""
    source, streams = sources[kind], Streams(SEEDS)
    available = source.available()
    assert available is not None
    count = (available - 30) // 5
    parts = [values(source, streams, "real", 0, 30)]
    parts += [values(source, streams, "fresh", g, count) for g in range(1, 6)]
    (field, *_) = source.fields
    held = source.heldout()[field].astype(np.float64)
    split = set((held @ np.sqrt(np.arange(2, 2 + held.shape[-1]))).round(6).tolist())
    for r in range(3):
        seen = np.concatenate([part[r] for part in parts]).tolist()
        assert len(set(seen)) >= len(seen) - 2  # two digits of the bundle are near copies
        assert not set(seen) & split
    assert len(held) + available == (1797 if kind == "digits" else 100)


def test_seeds_of_a_data_set_say_what_they_share(sources: dict[str, Source]) -> None:
    """Counted over many pairs of seeds; a law has nothing to share."""
    assert {kind for kind, source in sources.items() if source.common(10)} == {
        "digits",
        "table",
        "tokens",
    }
    assert "70% of the 1000 samples" in sources["digits"].common(1000)
    drawn = sources["table"].draw(Streams(range(60)), 0, "real", 40)["x"][..., 0]
    shared = [len(np.intersect1d(a, b)) / 40 for a, b in pairwise(drawn)]
    assert "50% of the 40 samples" in sources["table"].common(40)
    assert abs(np.mean(shared) - 0.5) < 0.05


def test_table_reads_three_formats(tmp_path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame({"a": [1.0, 2, 3, 4, 5, 6], "b": [0.5] * 6, "c": [9.0] * 6})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", frame.select("c", "a").to_numpy())
    found = []
    for name in ("t.csv", "t.parquet", "t.npy"):
        columns = None if name == "t.npy" else ("c", "a")
        source = Table(path=str(tmp_path / name), columns=columns, test=0.5)
        assert source.fields == {"x": (2,)} and source.available() == 3
        found.append(source.heldout()["x"])
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


def test_table_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3,x\n5,6\n7,8\n")
    (tmp_path / "short.csv").write_text("a\n1\n")
    (tmp_path / "twice.csv").write_text("a,b,a\n" + "1,2,3\n" * 5)
    (tmp_path / "long.csv").write_text("a,b\n" + "1,2\n" * 5 + "1,2,3\n")
    (tmp_path / "nan.csv").write_text("a\n" + "1\n" * 5 + "nan\n" + "2\n" * 4)
    np.save(tmp_path / "nan.npy", np.array([[1.0], [np.nan], [2.0], [3.0]]))
    np.save(tmp_path / "complex.npy", np.ones((9, 2)) + 1j)
    np.save(tmp_path / "none.npy", np.ones((9, 0)))
    (tmp_path / "nameless.csv").write_text("1,2\n" * 9)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "zip.npy").write_bytes(b"PK\x03\x04" + bytes(40))
    np.save(tmp_path / "named.npy", np.zeros(9, dtype=[("a", float), ("b", float)]))
    (tmp_path / "quote.csv").write_text('a,b\n1,"' + "2,3\n" * 40_000)
    cases = {
        "empty.npy": "no sound .npy file of numbers",
        "zip.npy": "no sound .npy file of numbers",
        "named.npy": "no sound .npy file of numbers",
        "quote.csv": "quote.csv:2: field larger than",
        "bad.csv": "bad.csv:3:3: 'x' in column 'b' is no number; 'columns' names those to use",
        "nameless.csv": "nameless.csv:1:1: numbers, where the names of the columns belong",
        "short.csv": "4 rows or more",
        "twice.csv": "2 columns 'a'",
        "long.csv": "long.csv:7:5: 3 values in this line, 2 in the header",
        "nan.csv": "nan.csv:7:1: 'nan' in column 'a' is not finite",
        "nan.npy": "row 2, column 1 is not finite",
        "complex.npy": "complex numbers",
        "none.npy": "a column or more, this has shape (9, 0)",
        "absent.csv": "cannot read",
        "t.txt": "cannot read",
    }
    for name, words in cases.items():
        ((path, code, message),) = Table(path=str(tmp_path / name)).problems()
        assert code == "E208" and path == "path" and words in message
    (problem,) = Table(path=str(tmp_path / "bad.csv"), columns=("z",)).problems()
    assert "no column 'z'" in problem[2]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 5, encoding="utf-8-sig")
    source = Table(path=str(path), columns=("a",), test=0.4)
    assert source.problems() == [] and source.heldout()["x"].tolist() == [[1.0], [1.0]]


def test_table_digest_follows_the_content(rows: Path) -> None:
    source = Table(path=str(rows))
    before = source.digest()
    np.save(rows, np.zeros((100, 3)))
    assert source.digest() != before


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim": 2, "mean": (1.0,)}, "1 numbers"),
        ({"dim": 2, "covariance": ((1.0,),)}, "2 rows"),
        ({"dim": 2, "covariance": ((1.0, 0.5), (0.4, 1.0))}, "not symmetric"),
        ({"dim": 2, "covariance": ((1.0, 2.0), (2.0, 1.0))}, "not positive definite"),
    ],
)
def test_gaussian_says_what_is_wrong(fields: Any, words: str) -> None:
    ((_, code, message),) = GaussianSource(**fields).problems()
    assert code == "E204" and words in message

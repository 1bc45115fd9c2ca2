"""``recurse db sql``: what a format cannot say is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurse.cli import main
from recurse.store import StoreWriter


@pytest.mark.parametrize(
    ("query", "format"),
    [
        ("SELECT [1, 2] AS x", "csv"),
        ("SELECT 'a'::BLOB AS x", "csv"),
        ("SELECT DATE '290000-01-01' AS x", "text"),
    ],
)
def test_what_a_format_cannot_say(
    root: Path, capfd: pytest.CaptureFixture[str], query: str, format: str
) -> None:
    StoreWriter(root, minimum_free=0).close()
    assert main(["db", "sql", query, "--store", str(root), "--format", format]) == 2
    out, err = capfd.readouterr()
    assert out == "" and f"error: as {format}: " in err and "cast the column to VARCHAR" in err
    assert "bug" not in err


@pytest.mark.parametrize(("format", "said"), [("text", "X\n1 day\n"), ("csv", "x\n1 day\n")])
def test_a_duration_is_printed(
    root: Path, capfd: pytest.CaptureFixture[str], format: str, said: str
) -> None:
    StoreWriter(root, minimum_free=0).close()
    query = "SELECT INTERVAL 1 DAY AS x"
    assert main(["db", "sql", query, "--store", str(root), "--format", format]) == 0
    assert capfd.readouterr().out == said

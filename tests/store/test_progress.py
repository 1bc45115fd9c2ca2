"""The progress of each cell, with gaps in the store, against a plain definition."""

from __future__ import annotations

import duckdb
import numpy as np

from recurse.store.database import migrate

CELLS = 300


def test_progress_is_the_newest_generation_with_no_gap_before_it() -> None:
    """Cells with all, some, none of their generations, in any order, with and without failures."""
    rng = np.random.default_rng(5)
    connection = duckdb.connect()
    migrate(connection)
    held = {f"c{place}": _some(rng) for place in range(CELLS)}
    generations = [(cell, int(g)) for cell, found in held.items() for g in found]
    rng.shuffle(generations)
    failures = [(cell, int(g)) for cell in held for g in rng.integers(0, 8, 2)]
    connection.executemany("INSERT INTO cells (cell) VALUES (?)", [[cell] for cell in held])
    connection.executemany(
        "INSERT INTO generations (cell, generation, block) VALUES (?, ?, 'b' || ?)",
        [[cell, int(g), int(g)] for cell, g in generations],
    )
    connection.executemany(
        "INSERT INTO failures (cell, generation, reason, block) VALUES (?, ?, 'r' || ?, 'f' || ?)",
        [[cell, g, g, g] for cell, g in failures],
    )
    found = connection.execute("SELECT cell, done, block, reason FROM progress").fetchall()
    kinds = set()
    for cell, done, block, reason in found:
        expected = next(g for g in range(9) if g not in held[cell]) - 1
        assert done == expected
        failed = (cell, done + 1) in failures
        assert block == (f"f{done + 1}" if failed else f"b{done}" if done >= 0 else None)
        assert reason == (f"r{done + 1}" if failed else None)
        kinds.add((done >= 0, len(held[cell]) == done + 1, reason is not None))
    assert len(found) == CELLS
    assert len(kinds) == 8, "not every case came up"


def _some(rng: np.random.Generator) -> set[int]:
    """All generations up to some one, with or without a gap, or none."""
    found = set(range(int(rng.integers(0, 8))))
    if rng.random() < 0.5 and found:
        found.discard(int(rng.integers(0, len(found))))
    return found

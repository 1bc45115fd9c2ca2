"""Reading specs and taking in results: parse, validate, ingest, look up; processor seconds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from recurse.reading.yamlfile import parse
from recurse.running.check import check
from recurse.store.staging import Fragment, write_fragment
from recurse.store.writer import StoreWriter

SPECS = Path(__file__).parents[2] / "specs"


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def ingested(folder: Path, fragments: int = 500, metrics: int = 50) -> float:
    """Records taken in per second, their files read."""
    names = tuple(f"m{number}" for number in range(metrics))
    with StoreWriter(folder, minimum_free=0) as writer:
        for number in range(fragments):
            values = np.full((1, metrics), float(number))
            write_fragment(writer.stage, Fragment("r", "b", number, ("c",), names, values))
        return fragments / seconds(writer.ingest)


def looked_up(folder: Path) -> float:
    """Seconds to say how far 10,000 cells of 20 generations are."""
    with StoreWriter(folder, minimum_free=0) as writer:
        writer._connection.execute(
            "INSERT INTO cells SELECT printf('%032d', i), '{}', 'r' FROM range(10000) AS t(i)"
        )
        writer._connection.execute(
            "INSERT INTO generations SELECT printf('%032d', i), g, 'r', 'b', 0, 'n', 0, 0 "
            "FROM range(10000) AS t(i), range(20) AS u(g)"
        )
        return seconds(writer.history)


def fifty(folder: Path) -> float:
    """Seconds to validate 50 specs, imports left out."""
    text = (SPECS / "quickstart.yaml").read_text(encoding="utf-8")
    for number in range(50):
        named = text.replace("name: quickstart", f"name: s{number}")
        (folder / f"s{number}.yaml").write_text(named, encoding="utf-8")
    return seconds(lambda: check([str(folder)]))


if __name__ == "__main__":
    small = "".join(f"key{n}: {{kind: replace, size: {n}}}\n" for n in range(50))
    print(f"parse 50 keys: {1e3 * min(seconds(lambda: parse(small)) for _ in range(20)):.2f} ms")
    with tempfile.TemporaryDirectory() as name:
        print(f"validate 50 specs: {fifty(Path(name)):.2f} s")
        print(f"ingest: {ingested(Path(name) / 'a'):.0f} records/s")
        print(f"10,000 cells looked up: {looked_up(Path(name) / 'b'):.2f} s")

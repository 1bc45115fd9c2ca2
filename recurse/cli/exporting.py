"""Tables of the store as csv, json and parquet; specs as YAML that runs again."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurse.reading.problems import RecurseError

if TYPE_CHECKING:
    import polars

    from recurse.store.reader import Store

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SUFFIXES = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".yaml": "yaml", ".yml": "yaml"}
MODELINE = "# yaml-language-server: $schema=./recurse.schema.json\n"


def export(
    store: Store, scenario: str, what: str, format: str | None, output: str | None
) -> str | bytes:
    """A table (or the spec) of a scenario.

    Raises:
        StoreMissing: the store has no such scenario.
        RecurseError: the format does not fit, or would put bytes on a terminal.
    """
    about = store.scenario(scenario)
    usual = "yaml" if what == "spec" else "csv"
    wanted = format or _SUFFIXES.get(Path(output or "").suffix.lower(), usual)
    if what == "spec":
        return _spec(about["spec"], wanted)
    if wanted == "yaml":
        raise RecurseError("only a spec can be written as yaml", hint="--format csv|json|parquet")
    if wanted == "parquet" and output is None:
        raise RecurseError("parquet is not text", hint="name a file with -o FILE, or - for a pipe")
    from recurse.verdicts.stored import verdicts

    tables: dict[str, Callable[[str], polars.DataFrame]] = {
        "metrics": store.metrics,
        "summary": store.summary,
        "theory": store.theory,
        "claims": store.claims,
        "cells": store.cells,
        "verdicts": partial(verdicts, store),
    }
    return encode(tables[what](scenario), wanted)


def encode(frame: polars.DataFrame, format: str) -> str | bytes:
    """A frame as csv, json (a list of objects, null for what is not finite) or parquet."""
    if format == "parquet":
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        return buffer.getvalue()
    if format == "json":
        rows = [{k: _plain(v) for k, v in row.items()} for row in frame.to_dicts()]
        return json.dumps(rows, indent=1, default=str) + "\n"
    return _harmless(frame).write_csv()


def newest_snapshot(store: str) -> Path:
    """The file that readers may open, brought up to date.

    Raises:
        StoreMissing: there is no store.
    """
    from recurse.store import snapshot
    from recurse.store.reader import Store, StoreMissing

    Store(store).close()
    found = snapshot.newest(Path(store))
    if found is None:
        raise StoreMissing(f"no store at {store}")
    return found


def _spec(spec: Any, format: str) -> str:
    if format == "json":
        return json.dumps(spec, indent=2) + "\n"
    if format != "yaml":
        raise RecurseError(f"a spec cannot be written as {format}", hint="--format yaml|json")
    from recurse.cli.showing import ordered
    from recurse.reading.yamlfile import dump

    return MODELINE + dump(ordered(spec))


def _harmless(frame: polars.DataFrame) -> polars.DataFrame:
    """Texts that a spreadsheet would run as formulas get an apostrophe in front."""
    import polars as pl

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    pattern = "^[" + "".join(f"\\x{ord(mark):02x}" for mark in _FORMULA) + "]"
    return frame.with_columns(pl.col(texts).str.replace(pattern, "'$0")) if texts else frame


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

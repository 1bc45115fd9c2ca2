"""The installed packages and backends, each tried."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from recurse import __version__
from recurse.backend import Backend, backends
from recurse.claims import count
from recurse.reading.problems import RecurseError
from recurse.scenario.shipped import shipped


class Finding(NamedTuple):
    """The result of one check; ``good`` is None for an optional package that is absent."""

    about: str
    good: bool | None
    finding: str


def examine(store: str) -> list[Finding]:
    """All checks: versions, backends, the store."""
    python = f"{sys.version.split()[0]} at {sys.executable}"
    return [
        Finding("recurse", True, f"{__version__} at {Path(__file__).parents[1]}"),
        Finding("python", sys.version_info >= (3, 11), python),
        *_backends(),
        _reports(),
        Finding("shipped specs", bool(shipped()), ", ".join(shipped()) or "none found"),
        _disk(store),
        _store(store),
    ]


def _backends() -> Iterator[Finding]:
    for name, backend in backends().items():
        absent = backend.missing()
        have = ", ".join(f"{package} {_version(package)}" for package in backend.requires)
        yield Finding(
            f"backend {name}", None if absent else True, _about(absent or have or "ready", backend)
        )


def _about(state: str, backend: Backend) -> str:
    return f"{state}: {backend.about}" if backend.about else state


def _reports() -> Finding:
    if find_spec("vl_convert") is not None:
        return Finding("report --interactive", True, f"vl-convert {_version('vl-convert-python')}")
    missing = "not installed: pip install 'recurse-sim[reports]'"
    return Finding("report --interactive", None, missing)


def _disk(path: str) -> Finding:
    from recurse.store.mounts import file_system, refuse_network

    found = file_system(Path(path))
    if found is None:
        return Finding("disk", None, "this system does not tell which file system it is")
    try:
        remark = refuse_network(Path(path))
    except RecurseError as refused:
        return Finding("disk", False, str(refused))
    return Finding("disk", None if remark else True, remark or f"{found.kind} at {found.mount}")


def _store(path: str) -> Finding:
    from recurse.store.reader import Store, StoreMissing

    try:
        with Store(path) as opened:
            fresh = opened.freshness
            writer = f"; PID {fresh.writer.get('pid')} is writing" if fresh.writer else ""
            held = f"{count(len(opened.scenarios()), 'scenario')}, {fresh.snapshot}{writer}"
            return Finding(f"store {path}", True, held)
    except StoreMissing:
        return Finding(f"store {path}", None, "none yet")
    except (RecurseError, OSError) as error:
        return Finding(f"store {path}", False, str(error))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(version unknown)"

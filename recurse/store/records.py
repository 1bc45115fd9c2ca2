"""The plain frozen records that pass between the engine and the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ScenarioRecord:
    """A resolved scenario; ``digest`` is a hash of ``spec``."""

    scenario: str
    title: str
    cite: str
    question: str
    spec: Mapping[str, Any]
    digest: str


@dataclass(frozen=True)
class Member:
    """A cell's place in a scenario; ``generations`` is how many this scenario wants of it.

    ``identity`` is the canonical JSON whose hash is ``cell``; ``axes`` are the matrix values that
    make the label of the arm.
    """

    arm: str
    axes: Mapping[str, str]
    policy: str
    backend: str
    seed: int
    cell: str
    block: str
    generations: int
    identity: str


@dataclass(frozen=True)
class Provenance:
    """The origin of a run: recorded, never part of an identity."""

    command: str = ""
    versions: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TheoryCurve:
    """A theoretical curve of an arm: ``values[g]`` for generation g, NaN where undefined."""

    arm: str
    policy: str
    metric: str
    kind: str
    name: str
    values: npt.NDArray[np.float64]
    cite: str


@dataclass(frozen=True)
class ClaimRecord:
    """A checked claim; ``holds`` is None if the results cannot tell."""

    claim: str
    kind: str
    arm: str
    holds: bool | None
    statement: str
    evidence: str


@dataclass(frozen=True)
class Note:
    """A remark of the planner or the theory that a reader of the results should see."""

    arm: str
    about: str
    text: str


class LastRun(NamedTuple):
    """The run of a scenario that was begun last: its end, its spec and its program versions."""

    run: str
    status: str
    digest: str
    versions: dict[str, str]


class ProbeRecord(NamedTuple):
    """The cost of an arm with ``width`` replicates in one program, in seconds per replicate and
    generation. ``setting`` is canonical JSON of versions and machine class.
    """

    arm: str
    setting: str
    width: int
    seconds: float
    compile_seconds: float
    bytes: int
    label: str
    backend: str


@dataclass(frozen=True)
class CellRecord:
    """The stored state of a cell.

    ``generations_done`` is the newest generation with no gap before it (-1: none). ``failure`` is
    the reason why the next one is missing, if it was tried. ``block`` is the one that ran last.
    """

    cell: str
    block: str
    generations_done: int
    failure: str | None
    identity: str


class Short(NamedTuple):
    """A cell with fewer generations than were asked for, and no failure that says why.

    ``done`` is the newest generation with no gap before it (-1: none); ``missing`` are the first
    and last generation of each gap.
    """

    cell: str
    done: int
    missing: tuple[tuple[int, int], ...]


class Curves(NamedTuple):
    """A metric of one arm on one backend, for all its seeds.

    ``values`` is ``[G+1, R]``, NaN where a cell has no value; ``seeds`` ``[R]`` ascending.
    """

    generations: npt.NDArray[np.int64]
    seeds: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class IngestReport:
    """The outcome of one call of ``ingest``.

    ``committed`` lists (block, generation, cells that got a row); ``known`` counts rows that were
    there already with equal numbers; ``damaged`` names files moved to ``quarantine/``.
    """

    committed: tuple[tuple[str, int, int], ...] = ()
    failures: tuple[tuple[str, int, str], ...] = ()
    known: int = 0
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Freshness:
    """The age of the snapshot that a reader sees, and the process that writes (None: nobody)."""

    snapshot: str
    seconds: float
    writer: Mapping[str, Any] | None

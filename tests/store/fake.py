"""A small deterministic run: what an engine does with the store, without models.

Two blocks of three cells; the state of a block is a chaotic recursion, so that a resume from a
wrong or missing checkpoint shows in every later bit.
"""

from __future__ import annotations

import hashlib
import os
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from recurse.schedule import REAL, Pool, Row, Use
from recurse.store import checkpoint
from recurse.store.reader import Store
from recurse.store.records import ClaimRecord, Member, Note, ScenarioRecord, TheoryCurve
from recurse.store.staging import Artifact, Fragment, write_fragment
from recurse.store.writer import StoreWriter

NAME = "chaos"
BLOCKS = ("b0", "b1")
SEEDS = 3
METRICS = ("loss", "spread")
SCENARIO = ScenarioRecord(NAME, "A title", "arXiv:0000.00000", "A question?", {"n": 1}, "d1")


def cell(block: str, seed: int) -> str:
    """The id of a cell."""
    return hashlib.blake2b(f"{block}/{seed}".encode(), digest_size=16).hexdigest()


def members(generations: int) -> list[Member]:
    """The cells of the scenario."""
    return [
        Member(f"arm={block}", {"arm": block}, "replace", "numpy", seed, cell(block, seed), block,
               generations, f'{{"block":"{block}","seed":{seed}}}')
        for block in BLOCKS
        for seed in range(SEEDS)
    ]  # fmt: skip


def fragment(run: str, block: str, generation: int, state: np.ndarray) -> Fragment:
    """The results of one generation: a metric that is always there, one every other generation."""
    spread = state**2 if generation % 2 == 0 else np.full(SEEDS, np.nan)
    cells = tuple(cell(block, seed) for seed in range(SEEDS))
    picture = Artifact(cells[0], "picture", "image/svg+xml", state.tobytes())
    return Fragment(
        run, block, generation, cells, METRICS, np.stack([state, spread], axis=1),
        numerics={"backend": "numpy", "threads": 1}, seconds=0.5,
        artifacts=(picture,) if generation == 3 else (),
    )  # fmt: skip


def step(state: np.ndarray, generation: int) -> np.ndarray:
    """The next state [R]."""
    return 3.9 * state * (1 - state) * (1 + 1e-3 * np.cos(generation))


def start(block: str) -> np.ndarray:
    """The state of generation 0, ``[R]``."""
    return np.linspace(0.2, 0.4, SEEDS) + 0.05 * BLOCKS.index(block)


def life(root: Path, generations: int = 5, report: Connection | None = None) -> StoreWriter:
    """Run the scenario, from wherever an earlier life has left it, to its end.

    ``report`` hears (block, generation) once it is committed.
    """
    with StoreWriter(root, "recurse run chaos.yaml", minimum_free=0, wait=2.0) as writer:
        writer.ingest()
        run = writer.begin_run(SCENARIO, members(generations), {"blocks": list(BLOCKS)})
        history = writer.history()
        curve = TheoryCurve("arm=b0", "replace", "loss", "exact", "law", np.arange(3.0), "me")
        writer.put_theory(NAME, [curve])
        rows = [Row(0, 0, 0, (Use(REAL, 9),)), Row(1, 4, 0, (Use(Pool("synthetic", 1), 4),))]
        writer.put_schedule(NAME, {"arm=b0": rows})
        for block in BLOCKS:
            done = min(history[cell(block, seed)].generations_done for seed in range(SEEDS))
            found = checkpoint.newest(writer.checkpoints, block, at_most=done)
            state = start(block) if found is None else found.arrays["state"]
            for generation in range(0 if found is None else found.generation + 1, generations + 1):
                state = step(state, generation) if generation else state
                write_fragment(writer.stage, fragment(run, block, generation, state))
                checkpoint.save(writer.checkpoints, block, generation, {"state": state}, {})
                for entry in writer.ingest().committed:
                    if report:
                        report.send(entry[:2])
                writer.publish_due(0.0 if generation % 3 == 1 else 60.0)
        writer.put_claims(NAME, [ClaimRecord("0", "bounded", "arm=b0", True, "below 1", "0.97")])
        writer.put_notes(NAME, [Note("arm=b0", "law", "left out")])
        writer.finish_run("complete")
    return writer


def doomed(root: Path, fault: str, report: Connection | None = None) -> None:
    """`life` in a process of its own, to be killed at a named step."""
    os.environ["RECURSE_FAULT"] = fault
    life(root, report=report)


def contents(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """All results in the store, without what a run may change: its id and its times."""
    with Store(root) as store:
        return {
            "metrics": store.metrics().rows(),
            "summary": store.summary().rows(),
            "theory": store.theory().rows(),
            "claims": store.claims().rows(),
            "cells": store.cells().rows(),
            "schedule": store.schedule().rows(),
            "notes": store.notes().rows(),
            "artifacts": store.artifacts(NAME).rows(),
            "raw": store.sql("SELECT * FROM metrics ORDER BY ALL").rows(),
            "sha": store.sql(
                "SELECT cell, generation, sha, numerics FROM generations ORDER BY ALL"
            ).rows(),
        }

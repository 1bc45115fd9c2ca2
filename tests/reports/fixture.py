"""A small but realistic store, written as a run writes it: closed-form regression and digits.

The regression replays the law of ordinary least squares with a reused design: the error of the
fitted coefficients is a sum of independent normal steps, one per generation, divided by the number
of generations pooled under accumulate (Gerstgrasser et al. 2404.01413).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from recurse.engines.png import encode
from recurse.schedule import REAL, Row, Use, made
from recurse.store import StoreWriter
from recurse.store.records import (
    ClaimRecord,
    Member,
    Note,
    Provenance,
    ScenarioRecord,
    TheoryCurve,
)
from recurse.store.staging import Artifact, Fragment, write_fragment

DIM, REAL_COUNT, SEEDS, GENERATIONS = 10, 100, 50, 100
FIRST = DIM / (REAL_COUNT - DIM - 1)
Values = NDArray[np.float64]


def regression_values() -> dict[str, Values]:
    """Excess risk ``[G+1, R]`` by policy."""
    noise = np.random.default_rng(7).standard_normal((SEEDS, GENERATIONS + 1, DIM))
    steps = noise * np.sqrt(FIRST / DIM)
    pooled = steps / np.arange(1, GENERATIONS + 2)[None, :, None]
    found = {"replace": np.cumsum(steps, axis=1), "accumulate": np.cumsum(pooled, axis=1)}
    return {policy: (errors**2).sum(-1).T for policy, errors in found.items()}


def put_regression(writer: StoreWriter, backends: Sequence[str] = ("torch", "jax")) -> None:
    """Replace against accumulate, 50 seeds, two backends, theory, one claim that fails."""
    name = "gerstgrasser-linear"
    record = ScenarioRecord(
        scenario=name,
        title="Replacing data diverges; accumulating it stays below pi^2/6",
        cite="arXiv:2404.01413",
        question="Does a regression that is refitted on its own predictions collapse?",
        spec={
            "published": "Table 2 counts from 0.",
            "version": 1,
            "name": name,
            "source": {"kind": "linear_regression", "dim": DIM, "noise": 1.0, "design": "reused"},
            "model": {"kind": "linear"},
            "samples": {"real": REAL_COUNT, "synthetic": REAL_COUNT},
            "generations": GENERATIONS,
            "seeds": SEEDS,
            "matrix": {"policy": ["replace", "accumulate"], "backend": list(backends)},
            "metrics": ["excess_risk"],
        },
        digest="3f9a1c52e7b80d44",
    )
    members = _members(name, ("replace", "accumulate"), backends, range(SEEDS), GENERATIONS)
    run = writer.begin_run(record, members, {}, provenance("recurse run gerstgrasser-linear.yaml"))
    for place, backend in enumerate(backends):
        for policy, values in regression_values().items():
            shifted = values * (1 + place * 3e-14)
            pace = (2.1e-4, 6.0e-5)[place] * (1.0 + 0.2 * (policy == "accumulate"))
            _stage(writer, run, members, policy, backend, {"excess_risk": shifted}, pace)
    writer.ingest()
    writer.put_theory(name, regression_theory())
    writer.put_schedule(name, {f"policy={p}": schedule(p) for p in ("replace", "accumulate")})
    writer.put_claims(name, regression_claims())
    writer.put_notes(name, [Note("policy=replace", "lowering", "runs on statistics (exact law)")])
    writer.finish_run("failed")


def regression_theory() -> list[TheoryCurve]:
    """Linear growth; the partial sums of 1/i^2 and their bound."""
    fits = np.arange(1.0, GENERATIONS + 2)
    cite = "Gerstgrasser et al. 2404.01413"
    bound = np.full_like(fits, FIRST * np.pi**2 / 6)
    curves = [
        ("replace", "exact", "linear growth", FIRST * fits),
        ("accumulate", "exact", "moment recursion", FIRST * np.cumsum(1 / fits**2)),
        ("accumulate", "bound", "upper bound pi^2/6", bound),
    ]
    return [
        TheoryCurve(f"policy={policy}", policy, "excess_risk", kind, text, values, cite)
        for policy, kind, text, values in curves
    ]


def regression_claims() -> list[ClaimRecord]:
    """Three claims of which one fails."""
    exact = "excess_risk matches exact theory within 4 standard errors at every generation"
    return [
        ClaimRecord(
            "0", "matches_theory", "policy=replace", True, exact, "largest |z| 2.1 at generation 37"
        ),
        ClaimRecord(
            "1",
            "bounded_by",
            "policy=accumulate",
            True,
            "excess_risk stays at most 0.1848",
            "upper 99.99 % limit 0.1843 at generation 96",
        ),
        ClaimRecord(
            "2",
            "plateaus",
            "policy=replace",
            False,
            "excess_risk plateaus after generation 50",
            "slope 0.11 per generation, 95 % interval 0.10 to 0.12",
        ),
    ]


def put_digits(writer: StoreWriter) -> None:
    """Three policies, five seeds, two backends that agree in distribution only; pictures."""
    name = "digits-vae"
    arms = ("replace", "accumulate", "accumulate_subsample")
    generations, seeds = 6, 5
    record = ScenarioRecord(
        scenario=name,
        title="A VAE on digits fades under replace and holds under accumulate",
        cite="arXiv:2404.01413",
        question="Do images fade when a VAE is trained on its own samples?",
        spec={"version": 1, "name": name, "model": {"kind": "vae", "latent_dim": 8}},
        digest="77ab01c94410ce2f",
    )
    members = _members(name, arms, ("torch", "jax"), range(seeds), generations)
    run = writer.begin_run(record, members, {}, provenance("recurse run digits-vae.yaml"))
    rng = np.random.default_rng(11)
    for backend in ("torch", "jax"):
        for policy, pace in zip(arms, (1.9, 0.25, 0.8), strict=True):
            g = np.arange(generations + 1.0)[:, None]
            noise = rng.normal(size=(2, generations + 1, seeds))
            values = {
                "elbo": -21.0 - pace * g + 0.35 * noise[0],
                "latent_spread": 4.2 * np.exp(-0.12 * pace * g) + 0.08 * noise[1],
            }
            images = digit_pictures(pace, generations)
            _stage(writer, run, members, policy, backend, values, 1.7, images)
    writer.ingest()
    writer.put_schedule(name, {f"policy={p}": schedule(p, 1000, 6) for p in arms})
    writer.finish_run("complete")


def schedule(policy: str, n: int = REAL_COUNT, generations: int = GENERATIONS) -> list[Row]:
    """The rows of replace, accumulate or accumulate_subsample."""
    rows = [Row(0, 0, 0, (Use(REAL, n),))]
    for g in range(1, generations + 1):
        last = made(g, g, n)
        runs = last if policy == "replace" else (Use(REAL, n), *made(1, g, n))
        rows.append(Row(g, n, 0, runs, n if policy == "accumulate_subsample" else None))
    return rows


def digit_pictures(pace: float, generations: int) -> list[bytes]:
    """One PNG strip per generation, 12 x 3 digits that fade into their mean."""
    images = load_digits().images[:36] / 16.0
    mean = images.mean(0)
    found = []
    for g in range(generations + 1):
        keep = np.exp(-0.13 * pace * g)
        faded = keep * images + (1 - keep) * mean
        tiles = faded.reshape(3, 12, 8, 8).transpose(0, 2, 1, 3).reshape(24, 96)
        found.append(encode((255 * (1 - np.clip(tiles, 0, 1))).astype(np.uint8)))
    return found


SCRIPT = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("http://evil.example","x")'
QUOTES = "\"'><img src=x onerror=alert(1)>](http://evil.example)|`"


def put_hostile(writer: StoreWriter) -> None:
    """Texts that try to be markup, formulas or paths, wherever the store keeps text."""
    name = "hostile"  # any other is not read from a store
    record = ScenarioRecord(
        name, f"{SCRIPT} & title", QUOTES, f"{SCRIPT}?", {"name": QUOTES, "x": SCRIPT}, SCRIPT
    )
    arms = (FORMULA, f"{SCRIPT}{QUOTES}")
    members = [
        Member(
            arm, {"policy": arm}, arm, QUOTES, seed, f"cell {place} {seed}", f"b{place}", 2, "{}"
        )
        for place, arm in enumerate(arms)
        for seed in range(3)
    ]
    seen = {"python": SCRIPT, QUOTES: QUOTES}
    run = writer.begin_run(record, members, {}, Provenance(f"run {SCRIPT}", seen, seen, seen))
    rng = np.random.default_rng(3)
    for arm in arms:
        values = {QUOTES: rng.uniform(1, 2, (3, 3)), "excess_risk": rng.uniform(1, 2, (3, 3))}
        pictures = [encode(np.zeros((8, 8), np.uint8))] * 3
        _stage(writer, run, members, arm, QUOTES, values, 0.1, pictures)
    writer.ingest()
    writer.put_theory(
        name,
        [TheoryCurve(arms[0], SCRIPT, "excess_risk", "bound", SCRIPT, np.full(3, 1.5), SCRIPT)],
    )
    writer.put_schedule(name, {arm: schedule("replace", 10, 2) for arm in arms})
    writer.put_claims(name, [ClaimRecord(SCRIPT, SCRIPT, arms[1], False, SCRIPT, QUOTES)])
    writer.put_notes(name, [Note(arms[1], SCRIPT, QUOTES)])
    writer.finish_run(SCRIPT)


def put_few(writer: StoreWriter, risks: Values, name: str = "few") -> None:
    """One arm on one backend with the given excess risk ``[G+1, R]`` and nothing else."""
    last, seeds = len(risks) - 1, range(risks.shape[1])
    members = _members(name, ("replace",), ("numpy",), seeds, last)
    record = ScenarioRecord(name, "", "", "", {"name": name}, "")
    run = writer.begin_run(record, members, {})
    _stage(writer, run, members, "replace", "numpy", {"excess_risk": risks}, 0.0)
    writer.ingest()


def put_arms(writer: StoreWriter, risks: Mapping[str, Values], name: str = "arms") -> None:
    """An arm on one backend for each policy, with the given excess risk ``[G+1, R]``."""
    rows, count = next(iter(risks.values())).shape
    members = _members(name, tuple(risks), ("numpy",), range(count), rows - 1)
    run = writer.begin_run(ScenarioRecord(name, "", "", "", {"name": name}, ""), members, {})
    for policy, values in risks.items():
        _stage(writer, run, members, policy, "numpy", {"excess_risk": values}, 0.0)
    writer.ingest()


def put_many(writer: StoreWriter, arms: int, generations: int) -> None:
    """As many arms on one backend, three seeds; the higher its number, the worse an arm ends."""
    name, rng = "many", np.random.default_rng(4)
    members = [
        Member(
            f"model.size={place}",
            {"model.size": str(place)},
            f"p{place}",
            "numpy",
            seed,
            f"many {place} {seed}",
            f"many{place}",
            generations,
            "{}",
        )
        for place in range(arms)
        for seed in range(3)
    ]
    run = writer.begin_run(ScenarioRecord(name, "", "", "", {}, ""), members, {})
    for place in range(arms):
        growth = np.linspace(1, 2 + place, generations + 1)[:, None]
        risks = growth * rng.uniform(0.9, 1.1, (generations + 1, 3))
        _stage(writer, run, members, f"p{place}", "numpy", {"excess_risk": risks}, 0.0)
    writer.ingest()


def provenance(command: str) -> Provenance:
    """The record of a run."""
    return Provenance(
        command=command,
        versions={"recurse": "0.1.0", "python": "3.11.9", "torch": "2.9.1", "jax": "0.8.1"},
        machine={"system": "Linux x86_64", "cpus": 8, "memory_gib": 32},
        git={"commit": "00d5d20", "dirty": False},
    )


def _members(
    name: str, arms: Sequence[str], backends: Sequence[str], seeds: range, generations: int
) -> list[Member]:
    return [
        Member(
            arm=f"policy={arm}",
            axes={"policy": arm},
            policy=arm,
            backend=backend,
            seed=seed,
            cell=f"{name}.{arm}.{backend}.{seed}",
            block=f"{name}.{arm}.{backend}".replace("-", "_"),
            generations=generations,
            identity="{}",
        )
        for arm in arms
        for backend in backends
        for seed in seeds
    ]


def _stage(
    writer: StoreWriter,
    run: str,
    members: Sequence[Member],
    policy: str,
    backend: str,
    values: Mapping[str, Values],
    pace: float,
    images: Sequence[bytes] = (),
) -> None:
    mine = [m for m in members if m.policy == policy and m.backend == backend]
    numerics: dict[str, Any] = {"backend": backend, "device": "cpu", "dtype": "float64"}
    for generation in range(mine[0].generations + 1):
        columns = [series[generation] for series in values.values()]
        pictures = (
            [Artifact(mine[0].cell, "gallery", "image/png", images[generation])] if images else []
        )
        fragment = Fragment(
            run=run,
            block=mine[0].block,
            generation=generation,
            cells=tuple(m.cell for m in mine),
            metrics=tuple(values),
            values=np.ascontiguousarray(np.stack(columns, axis=1)),
            numerics={**numerics, "width": len(mine)},
            seconds=pace * (1 + 0.1 * (generation % 3)),
            compile_seconds=1.4 * (backend == "jax" and generation < 2),
            artifacts=tuple(pictures),
        )
        write_fragment(writer.stage, fragment)


def put_doses(
    writer: StoreWriter, ends: Mapping[str, float], same: bool = True, elsewhere: str = ""
) -> None:
    """An arm for each value of ``x.y``, 20 seeds, whose risk goes from 1 to the given end.

    Unless ``same``, each starts from seeds of its own. The arm ``elsewhere`` ran on torch alone.
    """
    rng = np.random.default_rng(7)
    backends = {dose: "torch" if dose == elsewhere else "numpy" for dose in ends}
    members = [
        Member(f"x.y={dose}", {"x.y": dose}, f"p{place}", backends[dose], seed,
               f"{place} {seed}", f"b{place}", 4, "{}")
        for place, dose in enumerate(ends)
        for seed in range(20)
    ]  # fmt: skip
    run = writer.begin_run(ScenarioRecord("doses", "", "", "", {}, ""), members, {})
    for place, (dose, end) in enumerate(ends.items()):
        risks = np.linspace(1, end, 5)[:, None] * rng.uniform(0.95, 1.05, (5, 20))
        if same:
            risks[0] = np.linspace(0.95, 1.05, 20)
        _stage(writer, run, members, f"p{place}", backends[dose], {"excess_risk": risks}, 0.0)
    writer.ingest()

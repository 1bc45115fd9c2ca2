"""The plan: lowering and its reason, statuses, blocks that keep their width, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from recurse.lowering.decision import decide
from recurse.planning.blocks import History, Known
from recurse.planning.plan import Plan
from recurse.planning.planner import plan
from recurse.planning.widths import WIDEST
from recurse.reading.problems import Problems
from recurse.running.outcome import notes
from recurse.scenario.scenario import Arm, load
from tests import house
from tests.closed_arms import ARMS

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "source": {"kind": "gaussian", "dim": 2},
    "model": "gaussian",
    "policy": "replace",
    "samples": {"real": 20, "synthetic": 20},
    "generations": 5,
    "seeds": 4,
    "backend": "numpy",
    "metrics": ["mean_error"],
}
REGRESSION = {"kind": "linear_regression", "dim": 4}


def spec(**fields: Any) -> dict[str, Any]:
    return {**SPEC, **fields}


def stored(made: Plan, done: int | None = None, **fields: Any) -> History:
    """A history in which every cell of a plan is stored up to a generation."""
    block = {cell: b.id for b in made.blocks for cell in b.cells}
    cells = {}
    places = {}
    for cell in made.cells:
        arm = made.arms[cell.arm]
        last = arm.arm.generations if done is None else done
        cells[cell.id] = replace(Known(block[cell.id], last, None, cell.identity), **fields)
        places[arm.label, arm.arm.backend, cell.seed] = cell.id
    return History(cells, places)


def statuses(made: Plan) -> set[tuple[str, str]]:
    return {(cell.status, cell.reason) for cell in made.cells}


LOWERED = {
    "gaussian replace": None,
    "gaussian window": None,
    "gaussian subsample": "draws a subsample",
    "gaussian by_age": "a part of synthetic[1]",
    "gaussian oracle": "corrector 'oracle'",
    "linear ridge": None,
    "linear reused subsample": "draws a subsample",
}


@pytest.mark.parametrize("name", LOWERED)
def test_lowering_and_its_reason(name: str) -> None:
    decision, expected = decide(ARMS[name]), LOWERED[name]
    assert decision.lowering == ("samples" if expected else "statistics")
    assert (expected or "is known") in decision.because


def test_new_cached_and_changed() -> None:
    first = plan(spec())
    assert statuses(first) == {("new", "not stored yet")}
    (block,) = first.blocks
    assert block.seeds == (0, 1, 2, 3) and block.lowering == "statistics"
    assert (block.done, block.last) == (-1, 5)
    history = stored(first)
    assert plan(spec(), history).count("cached") == 4 and not plan(spec(), history).blocks
    renamed = plan(spec(title="another", claims=[]), history)
    assert renamed.count("cached") == 4
    changed = plan(spec(samples={"real": 30, "synthetic": 20}), history)
    assert statuses(changed) == {("changed", "samples.real: 20 -> 30")}


def test_more_seeds_and_more_generations_run_only_what_is_new() -> None:
    history = stored(plan(spec()))
    wider = plan(spec(seeds=6), history)
    assert [b.seeds for b in wider.blocks] == [(4, 5)]
    longer = plan(spec(generations=9), history)
    assert statuses(longer) == {("incomplete", "generations 0..5 of 9 are stored")}
    (block,) = longer.blocks
    assert (block.done, block.last, block.seeds) == (5, 9, (0, 1, 2, 3))
    assert block.id == plan(spec()).blocks[0].id
    assert plan(spec(generations=3), history).count("cached") == 4


def test_an_interrupted_block_runs_on_in_its_width() -> None:
    """Its bits depend on the width, so fewer seeds asked for do not make it narrower."""
    first = plan(spec())
    history = stored(first, 2)
    (block,) = plan(spec(seeds=2), history).blocks
    assert block.seeds == (0, 1, 2, 3) and block.done == 2


def test_failed_cells_are_left_unless_asked_for() -> None:
    history = stored(plan(spec()), 3, failure="not finite")
    assert statuses(plan(spec(), history)) == {("failed", "not finite")}
    assert not plan(spec(), history).blocks
    assert plan(spec(), history, retry=True).blocks


def test_what_failed_at_once_is_tried_again_in_its_block() -> None:
    """With those that did not fail, or on its own where its block is not known."""
    first = plan(spec())
    (block,) = first.blocks
    history = stored(first, 5)
    cells = dict(history.cells)
    for cell in block.cells[1:3]:
        cells[cell] = replace(cells[cell], done=-1, failure="not finite")
    known = History(cells, history.places)
    (longer,) = plan(spec(generations=9), known).blocks
    assert longer == replace(block, done=5, last=9)
    assert plan(spec(), known, retry=True).blocks == first.blocks
    for cell in block.cells[1:3]:
        cells[cell] = replace(cells[cell], block="")
    unknown = History(cells, history.places)
    retried = plan(spec(generations=9), unknown, retry=True)
    assert [(b.seeds, b.done) for b in retried.blocks] == [((0, 3), 5), ((1, 2), -1)]
    assert retried.cells[1].reason == "failed before: not finite"
    assert block.id not in {b.id for b in retried.blocks}
    assert [b.seeds for b in plan(spec(generations=9), unknown).blocks] == [(0, 3)]


def test_failures_of_two_arms_stay_in_their_arms() -> None:
    arms = spec(matrix={"samples.real": [20, 30]})
    history = stored(plan(arms), -1, failure="not finite", block="")
    made = plan(arms, history, retry=True)
    assert made.blocks == plan(arms).blocks
    assert {cell.arm for cell in made.cells} == {0, 1}


def test_cells_that_only_their_fragments_know_run_on_in_their_block() -> None:
    """A store rebuilt from them has no identities; the plan knows those it asks for."""
    first = plan(spec())
    (block,) = first.blocks
    history = stored(first, 2, identity="")
    assert plan(spec(), history).blocks == (replace(block, done=2),)
    (part,) = plan(spec(seeds=3), history).blocks
    assert (part.seeds, part.cells, part.done) == ((0, 1, 2), block.cells[:3], 2)
    assert part.id != block.id, "it must not take the checkpoints of four for those of three"


def test_a_block_runs_on_in_the_order_it_began_with() -> None:
    """Its checkpoints know replicates by their place."""
    first = plan(spec(seeds=[9, 4, 6]))
    (block,) = first.blocks
    assert block.seeds == (9, 4, 6)
    assert plan(spec(seeds=[9, 4, 6]), stored(first, 2)).blocks == (replace(block, done=2),)
    (other,) = plan(spec(seeds=[4, 9]), stored(first, 2)).blocks
    assert set(other.seeds) == {4, 6, 9} and (other.id == block.id) == (other.seeds == block.seeds)
    history = stored(plan(spec()), 2)
    (turned,) = plan(spec(seeds=[2, 3]), history).blocks
    assert turned.seeds == (0, 1, 2, 3) and turned.id == plan(spec()).blocks[0].id


def test_wide_scenarios_are_split() -> None:
    made = plan(spec(seeds=2 * WIDEST[False] + 5))
    assert [len(b.seeds) for b in made.blocks] == [WIDEST[False], WIDEST[False], 5]
    assert len({b.id for b in made.blocks}) == 3
    cells = [cell for block in made.blocks for cell in block.cells]
    assert cells == [cell.id for cell in made.cells]


def test_the_plan_is_pure_and_frozen() -> None:
    left, right = plan(spec()), plan(spec())
    assert left.data() == right.data() and left.digest == right.digest
    assert left.digest != plan(spec(seeds=5)).digest
    assert json.dumps(left.data()) == json.dumps(right.data())


def test_a_worker_gets_the_same_arm() -> None:
    """The frozen plan is all a worker reads."""
    made = plan(
        spec(
            policy={"kind": "mix", "lambda": 0.5},
            model={"kind": "linear", "ridge": 0.1},
            metrics=["excess_risk"],
            source={**REGRESSION, "design": "fresh"},
        )
    )
    (data,) = made.data()["arms"]
    arm = Arm.model_validate_json(json.dumps(data["arm"]), by_alias=True)
    assert arm == made.arms[0].arm


def test_only_selected_arms_run() -> None:
    made = plan(spec(matrix={"policy": ["replace", "accumulate"]}))
    assert [a.label for a in made.arms] == ["policy=replace", "policy=accumulate"]
    assert [a.axes for a in made.arms] == [{"policy": "replace"}, {"policy": "accumulate"}]
    kept = made.only(["policy=accumulate"])
    assert [kept.arms[b.arm].label for b in kept.blocks] == ["policy=accumulate"]
    assert made.only(None) is made and len(kept.cells) == len(made.cells)


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "backend": ({"backend": "nump"}, "E207", "did you mean 'numpy'"),
    "family on backend": (
        {
            "model": "vae",
            "source": "digits",
            "metrics": ["elbo"],
            "samples": {"real": 100, "synthetic": 100},
        },
        "E201",
        "can: jax, torch",
    ),
    "metric": ({"metrics": ["excess_risk"]}, "E202", "risk of a regression"),
    "metric twice": ({"metrics": ["mean_error", "mean_error"]}, "E202", "twice"),
    "counts": (
        {
            "source": REGRESSION,
            "model": "linear",
            "metrics": ["excess_risk"],
            "samples": {"real": 5, "synthetic": 5},
        },
        "E204",
        "needs 6 samples",
    ),
    "part of a design": (
        {
            "source": REGRESSION,
            "model": "linear",
            "metrics": ["excess_risk"],
            "samples": {"real": 20, "synthetic": 30},
        },
        "E204",
        "relabels all 20 inputs",
    ),
    "nothing to train on": (
        {"samples": {"real": 20, "synthetic": 0}},
        "E205",
        "trained on nothing",
    ),
    "budget": (
        {"policy": {"kind": "accumulate_subsample", "budget": 99}},
        "E205",
        "draws 99 of 40",
    ),
    "more real data than exist": (
        {
            "source": "digits",
            "model": "vae",
            "backend": "torch",
            "metrics": ["elbo"],
            "samples": {"real": 1500, "synthetic": 100},
        },
        "E205",
        "the source has 1437",
    ),
    "memory": (
        {
            "samples": {"real": 1_000_000_000, "synthetic": 1_000_000_000},
            "policy": "accumulate_subsample",
            "generations": 50,
        },
        "E206",
        "this machine has",
    ),
    "less than a batch": (
        {
            "source": "digits",
            "model": {"kind": "vae", "train": {"batch": 200}},
            "backend": "torch",
            "metrics": ["elbo"],
            "samples": {"real": 100, "synthetic": 100},
        },
        "E204",
        "generation 0 has 100 samples, one batch has 200",
    ),
    "a sampler of laws for a network": (
        {
            "source": "digits",
            "model": "vae",
            "backend": "torch",
            "metrics": ["elbo"],
            "samples": {"real": 100, "synthetic": 100},
            "sampler": {"kind": "temperature", "value": 0.5},
        },
        "E203",
        "has none",
    ),
    "family": ({"model": "linear"}, "E211", "noise of a regression"),
    "warm start": ({"start": "warm"}, "E211", "closed form"),
    "corrector": (
        {
            "source": REGRESSION,
            "model": "linear",
            "metrics": ["excess_risk"],
            "corrector": "kmeans",
        },
        "E203",
        "k-means",
    ),
    "source": ({"source": {"kind": "gaussian", "dim": 2, "mean": [1.0]}}, "E204", "1 numbers"),
    "claim": (
        {"claims": [{"kind": "bounded_by", "metric": "w2", "value": 1.0}]},
        "E209",
        "not measured",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    fields, code, words = REFUSED[case]
    with pytest.raises(Problems) as raised:
        plan(spec(**fields))
    found = [(p.code, p.message) for p in raised.value.problems]
    assert any(c == code and words in message for c, message in found), found


def test_ten_thousand_cells_are_planned() -> None:
    made = plan(load(spec(seeds=1000, matrix={"samples.real": list(range(20, 30))})))
    assert len(made.cells) == 10_000 == len({cell.id for cell in made.cells})


def test_seeds_of_a_data_set_are_said_to_share_data() -> None:
    """In the plan, and in what the report shows as remarks; one seed shares nothing."""
    scenario = load(house.ROOT / "specs" / "digits-vae.yaml")
    made = plan(scenario)
    text = "all seeds share one test set, and any two of them on average 70% of the 1000 samples"
    assert all(text in arm.notes[0] for arm in made.arms)
    assert any(text in note.text for note in notes(made))
    alone = plan(scenario.model_copy(update={"seeds": 1}))
    assert not any(text in note for arm in alone.arms for note in arm.notes)

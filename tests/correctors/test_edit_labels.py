"""ToEdit: what is edited, what is kept through a checkpoint, and the law of the risk.

Simulations: level 1e-6 over the generations together; the detectable shift is asserted.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from recurse.backend import backends
from recurse.correctors.edit_labels import EditLabels
from recurse.policies.accumulate import Accumulate
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.linear_regression import LinearRegression
from recurse.theory import curves
from recurse.theory.zhu import edited_risk
from tests.closed_arms import FRESH_DESIGN, SKEW, least_squares
from tests.harness import Array, change, operations, simulate
from tests.statistics_checks import z_test


def arm(share: float, edits: str, rows: int = 24, dim: int = 4) -> Arm:
    """Edits of a linear model with a reused design."""
    return least_squares(
        Replace(),
        source=LinearRegression(dim=dim, noise=0.7),
        samples=Samples(real=rows, synthetic=rows),
        corrector=EditLabels.model_validate({"share": share, "edits": edits}),
        generations=8,
    )


def law(case: Arm) -> Array:
    (found,) = [c.values for c in curves(case)[0] if "edited" in c.name]
    return found


def test_law_by_hand() -> None:
    """correctors.md section 6: 1 + 2f - f^2 after one edit, 2e - 1 in small steps, replace at 1."""
    for f in (0.1, 0.5, 1.0):
        assert abs(edited_risk(np.array([0.0, f]), True)[1] - (1 + 2 * f - f * f)) < 1e-14
    many = edited_risk(np.concatenate([[0.0], np.full(2000, 1 / 2000)]), True)
    assert 0 < 2 * np.e - 1 - many[-1] < 0.01 and np.all(np.diff(many) > 0)
    assert np.allclose(edited_risk(np.ones(12), False), np.arange(1, 13))
    assert edited_risk(np.full(300, 0.3), False)[-1] > 50


@pytest.mark.parametrize(("share", "edits"), [(0.1, "disjoint"), (0.4, "overlapping")])
def test_risk_follows_the_law(share: float, edits: str) -> None:
    """d = 4, T = 400: the law of large T/d is within 3 %."""
    case = arm(share, edits, rows=400)
    blocks = [simulate(case, range(k, k + 500))["excess_risk"] for k in range(0, 4000, 500)]
    found = np.concatenate(blocks, axis=1).T
    expected = law(case)
    mean = found.mean(axis=0)
    shift = z_test(found, mean)
    assert np.all(shift < 0.2 * expected)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert np.all(np.abs(mean - expected) < 0.03 * expected + 5.5 * error)


@pytest.mark.parametrize("edits", ["disjoint", "overlapping"])
def test_only_the_picked_labels_change(edits: str) -> None:
    """Labels not picked are those of the generation before; inputs stay."""
    case = arm(0.25, edits)
    ops = operations(case, range(3))
    seen: list[tuple[Array, Array, Array]] = []
    correction = ops._correction  # type: ignore[attr-defined]
    correct = correction.correct

    def watched(generation: int, batch: dict[str, Array], n: int) -> object:
        before = np.array(correction.pack()["last/y"])
        changed, recorded = correct(generation, batch, n)
        seen.append((before, np.array(changed.fields["y"]), recorded["corrected_share"]))
        return changed, recorded

    correction.correct = watched
    simulate(case, 3, ops=ops)
    edited = np.array([after != before for before, after, _ in seen])
    assert np.allclose(edited.mean(axis=2), [share for *_, share in seen])
    times = edited.sum(axis=0)
    if edits == "disjoint":
        assert np.all(times == 1) and not edited[4:].any()
    else:
        assert times.max() > 2 and edited[4:].any()
    assert all(np.array_equal(a[1], b[0]) for a, b in pairwise(seen))


def test_all_edited_is_replace() -> None:
    """Every label in every generation: the numbers of no corrector at all."""
    plain = change(arm(1.0, "overlapping"), corrector=least_squares(Replace()).corrector)
    left = simulate(arm(1.0, "overlapping"), 3)["excess_risk"]
    assert np.array_equal(left, simulate(plain, 3, False)["excess_risk"])


@pytest.mark.parametrize("backend", backends())
def test_what_is_kept_survives_a_checkpoint(backend: str) -> None:
    case = change(arm(0.2, "disjoint"), backend=backend)
    whole = simulate(case, 3, keep=(0, 3))
    for generation in (0, 3):
        resumed = simulate(case, 3, start=whole.saved[generation])
        assert np.array_equal(resumed["excess_risk"], whole["excess_risk"][generation + 1 :])


def test_refusals() -> None:
    corrector = EditLabels(share=0.5)
    assert "regression" in str(corrector.refusal(SKEW, ("x",)))
    assert "fresh" in str(corrector.refusal(FRESH_DESIGN, ("x", "y")))
    assert corrector.refusal(LinearRegression(dim=3), ("x", "y")) is None
    assert "keeps x alone" in str(corrector.refusal(LinearRegression(dim=3), ("x",)))
    assert "replace" in dict(curves(change(arm(0.5, "disjoint"), policy=Accumulate()))[1])["zhu"]
    assert "edited" in dict(curves(least_squares(Replace()))[1])["zhu"]

"""``matches_theory``: false alarms at the stated level, power of the noncentral t, edges, words."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom, nct, t

from recurse.claims import Prospect
from recurse.claims.matches_theory import MatchesTheory
from recurse.claims.skewness import edge
from recurse.theory.law import Curve
from tests.claims.simulate import RUNS, has_rate, holding, normal, one, series

LAW = np.array([1.0, 2.0, 3.0, 4.0])


def test_false_alarms_have_the_family_wise_level() -> None:
    claim = MatchesTheory(metric="m", level=0.1)
    draw = normal((4, 6), LAW, [1.0, 2.0, 0.5, 1.0])
    held = holding(claim, lambda rng: [series(draw(rng), LAW), series(draw(rng), LAW)])
    # Eight independent tests at 0.1 / 8.
    has_rate(held, (1 - 0.1 / 8) ** 8)


def test_within_se_is_a_number_of_standard_errors() -> None:
    claim = MatchesTheory(metric="m", within_se=2.0, generations=(1, 3))
    draw = normal((4, 6), LAW)
    held = holding(claim, lambda rng: [series(draw(rng), LAW)])
    rate = (1 - 2 * t.sf(2.0, 5)) ** 2  # the guard against skewness refuses fewer, not many
    assert binom.ppf(1e-6, RUNS, rate) <= held <= binom.ppf(1 - 1e-6, RUNS, rate + 0.05)


def test_power_is_that_of_the_t_test() -> None:
    claim = MatchesTheory(metric="m", level=0.01, generations=(2,))
    draw = normal((4, 16), LAW + 0.9)
    held = holding(claim, lambda rng: [series(draw(rng), LAW)])
    limit, shift = t.isf(0.005, 15), 0.9 * 4
    power = nct.sf(limit, 15, shift) + nct.cdf(-limit, 15, shift)
    assert 0.6 < power < 0.9
    assert RUNS - held >= binom.ppf(1e-6, RUNS, power)  # the correction loses none


def test_an_off_by_one_generation_is_seen() -> None:
    values = normal((4, 400), LAW, 0.5)(np.random.default_rng(3))
    assert one(MatchesTheory(metric="m"), series(values, LAW)).holds
    shifted = np.array([1.0, 1.0, 2.0, 3.0])
    found = one(MatchesTheory(metric="m"), series(values, shifted))
    assert found.holds is False
    assert "law " in found.evidence


def test_events_are_judged_by_the_binomial_law() -> None:
    """At the level that is stated, for rare events and for seeds that are all alike too."""
    claim = MatchesTheory(metric="m", level=0.1)
    for share, fewest in ((0.5, 0.02), (0.01, 0.0)):
        held = holding(
            claim,
            lambda rng, p=share: [series((rng.random((1, 100)) < p).astype(float), [p])],  # type: ignore[misc]
        )
        assert binom.ppf(1e-6, RUNS, fewest) <= RUNS - held <= binom.ppf(1 - 1e-6, RUNS, 0.1)
    alike = np.ones((2, 100))
    assert one(MatchesTheory(metric="m"), series(alike, [1.0, 1 - 3e-7])).holds
    assert one(MatchesTheory(metric="m"), series(alike, [1.0, 0.97])).holds
    assert one(MatchesTheory(metric="m"), series(alike, [1.0, 0.9])).holds is False
    once = np.zeros((1, 100))
    once[0, 3] = 1.0
    assert one(MatchesTheory(metric="m"), series(once, [1e-4])).holds
    assert one(MatchesTheory(metric="m"), series(once, [0.0])).holds is False


def test_evidence_says_how_far_where_and_at_what_level() -> None:
    values = np.array([[0.0, 1.0, 2.0, 3.0, 4.0], [9.0, 10.0, 11.0, 12.0, 13.0]])
    found = one(MatchesTheory(metric="m"), series(values, [2.0, 10.0]))
    t_value, a = 1.0 / (np.sqrt(2.5) / np.sqrt(5)), edge(values)[1]
    z = min(t_value, t_value + a * t_value**2 / 3 + a**2 * t_value**3 / 27 + a / 6)
    assert found.evidence == (
        f"max |z| {z:.2f} at generation 1 (mean 11, law 10; 5 seeds, 2 generations, "
        f"limit {t.isf(0.01 / 4, 4):.2f}, false-alarm level 0.01)"
    )
    assert found.holds is True
    wider = MatchesTheory(metric="m", within_se=1.0)
    assert one(wider, series(values, [2.0, 10.0])).holds is False
    assert one(wider.model_copy(update={"rtol": 0.1}), series(values, [2.0, 10.0])).holds is True


def test_values_that_are_not_finite_fail() -> None:
    for wrong in (np.nan, np.inf):
        values = np.ones((3, 6))
        values[2, 4] = wrong
        found = one(MatchesTheory(metric="m"), series(values, np.ones(3)))
        assert found.holds is False
        assert found.evidence == "not finite for 1 of 6 seeds at generation 2"
        unseen = MatchesTheory(metric="m", generations=(0, 1))
        assert one(unseen, series(values, np.ones(3))).holds is True


def test_what_cannot_be_told_does_not_hold() -> None:
    claim = MatchesTheory(metric="m")
    assert one(claim).holds is None
    few = one(claim, series(np.ones((3, 4)), np.ones(3)))
    assert (few.holds, few.evidence) == (None, "4 seeds; at least 5 are needed")
    assert one(claim, series(np.ones((3, 6)))).evidence == "no theory gives m"
    late = MatchesTheory(metric="m", generations=(9,))
    assert one(late, series(np.ones((3, 6)), np.ones(10))).evidence == "generation 9 has no results"


def test_constant_values_are_compared_up_to_rounding() -> None:
    third = np.full((2, 6), 1 / 3)
    assert one(MatchesTheory(metric="m"), series(third, [1 / 3 + 1e-16] * 2)).holds is True
    assert one(MatchesTheory(metric="m"), series(third, [1 / 3 + 1e-9] * 2)).holds is False


def test_generations_without_a_law_are_left_out_by_default() -> None:
    values = normal((4, 50), LAW, 0.1)(np.random.default_rng(1))
    found = one(MatchesTheory(metric="m"), series(values, [np.nan, 2.0, 3.0, np.nan]))
    assert found.holds is True
    assert "2 generations" in found.evidence


def test_a_heavy_tail_is_not_judged() -> None:
    values = np.ones((2, 30)) + 0.01 * np.random.default_rng(0).standard_normal((2, 30))
    values[1, 7] = 50.0
    found = one(MatchesTheory(metric="m"), series(values, [1.0, 1.0]))
    assert found.holds is True
    assert found.evidence.endswith("; generation 1 is too skewed to be judged by 30 seeds")
    alone = one(MatchesTheory(metric="m", generations=(1,)), series(values, [1.0, 1.0]))
    assert alone.holds is None and "not enough seeds (30); about" in alone.evidence


def test_the_curve_is_named_where_there_are_several() -> None:
    curves = (
        Curve("m", "exact", "expectation", LAW, ""),
        Curve("m", "exact", "the same", LAW.copy(), ""),
        Curve("m", "asymptotic", "large n: t", 2 * LAW, ""),
        Curve("other", "exact", "expectation", 9 * LAW, ""),
    )
    values = normal((4, 50), LAW, 0.1)(np.random.default_rng(2))
    result = series(values, theory=curves)
    assert one(MatchesTheory(metric="m"), result).holds is True
    assert one(MatchesTheory(metric="m", curve="Large N"), result).holds is False
    assert one(MatchesTheory(metric="m", curve="e"), result).holds is None
    differ = (*curves, Curve("m", "exact", "another", 3 * LAW, ""))
    assert "several laws" in one(MatchesTheory(metric="m"), series(values, theory=differ)).evidence


def test_both_backends_are_judged_and_named() -> None:
    values = normal((4, 50), LAW, 0.1)(np.random.default_rng(2))
    pair = [series(values, LAW, backend=name) for name in ("torch", "jax")]
    found = MatchesTheory(metric="m").judge(pair)
    assert [(v.arm, v.backend) for v in found] == [("replace", "torch"), ("replace", "jax")]
    assert [v.evidence.split(":")[0] for v in found] == ["torch", "jax"]


def test_problems_are_found_before_anything_runs() -> None:
    law = {"replace": (Curve("m", "exact", "law", np.array([1.0, np.nan, 1.0]), ""),)}
    claim = MatchesTheory(metric="m", generations=(1, 7))
    assert claim.problems(Prospect(2, law, None, seeds=4)) == [
        ("kind", "'matches_theory' needs at least 5 seeds, not 4"),
        ("generations", "generation 7 is beyond the last one, 2"),
        ("generations", "replace: 'law' has no value at generation 1"),
    ]
    assert claim.problems(Prospect(9, {"replace": ()}, None)) == [
        ("metric", "replace: no theory gives m")
    ]
    wrong = MatchesTheory(metric="m", curve="bound")
    (found,) = wrong.problems(Prospect(2, law, None))
    assert found == ("curve", "replace: no curve is named 'bound'; there are: 'law'")
    assert MatchesTheory(metric="m").problems(Prospect(2, law, None, seeds=5)) == []


def test_fields_and_statement() -> None:
    with pytest.raises(ValidationError, match="not both"):
        MatchesTheory(metric="m", within_se=3.0, level=0.01)
    assert MatchesTheory(metric="m", where={"policy": "replace"}).statement() == (
        "the mean of m (policy=replace) follows its exact law at family-wise level 0.01"
    )
    assert MatchesTheory(metric="m", level=0.001, generations=(1, 9), rtol=0.03).statement() == (
        "the mean of m follows its exact law, give or take 0.03 of it, at family-wise level 0.001 "
        "at generations 1, 9"
    )

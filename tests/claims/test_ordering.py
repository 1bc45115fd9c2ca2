"""``ordering``: paired tests at their level, seeds and arms that do not match, words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import binom, nct, t

from recurse.claims import Prospect
from recurse.claims.ordering import Ordering
from recurse.running.judge import judge
from recurse.scenario.scenario import load
from recurse.store.records import Curves
from tests.claims.simulate import RUNS, arm, has_rate, holding, one

TWO = """
version: 1
name: two
source: {kind: gaussian, dim: 1}
model: gaussian
samples: {real: 10, synthetic: 10}
generations: 2
seeds: 8
backend: numpy
metrics: [mean_error]
matrix:
  policy: [replace, accumulate]
claims:
  - kind: ordering
    metric: mean_error
    generation: 1
    arms: [{policy: replace}, {policy: accumulate}]
  - kind: ordering
    metric: mean_error
    generation: 2
    arms: [{policy: replace}, {policy: accumulate}]
"""
PAIR = ({"policy": "replace"}, {"policy": "accumulate"})


def pair(rng: np.random.Generator, shift: float, seeds: int = 8) -> list:
    """Two arms whose seeds share a large part: unpaired, nothing could be seen."""
    common = 100.0 * rng.standard_normal((3, seeds))
    high = common + shift + rng.standard_normal((3, seeds))
    return [arm("replace", high), arm("accumulate", common)]


@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_equal_arms_are_ordered_at_the_level(margin: float) -> None:
    claim = Ordering(metric="m", arms=PAIR, level=0.05, margin=margin)
    has_rate(holding(claim, lambda rng: pair(rng, margin)), 0.05)


def test_power_is_that_of_the_paired_t_test() -> None:
    claim = Ordering(metric="m", arms=PAIR, level=0.05)
    power = float(nct.sf(t.isf(0.05, 7), 7, 0.9 * np.sqrt(8)))
    assert 0.6 < power < 0.9
    has_rate(holding(claim, lambda rng: pair(rng, 0.9)), power)


def test_the_mean_over_generations_has_more_power() -> None:
    claim = Ordering(metric="m", arms=PAIR, level=0.05, generation="mean")
    power = float(nct.sf(t.isf(0.05, 7), 7, 0.9 * np.sqrt(2 * 8)))
    has_rate(holding(claim, lambda rng: pair(rng, 0.9)), power)


def test_the_sign_test_has_its_discrete_level() -> None:
    claim = Ordering(metric="m", arms=PAIR, level=0.05, test="sign")
    # Seven or more of eight: 9 / 256.
    has_rate(holding(claim, lambda rng: pair(rng, 0.0)), float(binom.sf(6, 8, 0.5)))


def test_a_heavy_tail_is_left_to_the_sign_test() -> None:
    low = np.zeros((2, 12))
    high = low + np.linspace(1.0, 2.0, 12)
    high[1, 5] = 400.0
    arms = [arm("replace", high), arm("accumulate", low)]
    found = one(Ordering(metric="m", arms=PAIR), *arms)
    assert found.holds is None and "cannot tell: not enough seeds (12)" in found.evidence
    assert one(Ordering(metric="m", arms=PAIR, test="sign"), *arms).holds is True


def test_the_verdict_names_the_pair_and_the_figures() -> None:
    low = np.array([[1.0, 2.0, 3.0]])
    high = low + np.array([[1.0, 2.0, 3.0]])
    found = one(Ordering(metric="m", arms=PAIR), arm("replace", high), arm("accumulate", low))
    z = 2 / np.sqrt(1 / 3)
    assert found.arm == "replace > accumulate"
    assert found.evidence == (
        f"4 against 2 at generation 0: difference 2, t {z:.2f}, p {t.sf(z, 2):.2g}, level 0.05 "
        "(3 seeds)"
    )
    assert found.holds is True
    wrong = one(Ordering(metric="m", arms=PAIR[::-1]), arm("replace", high), arm("accumulate", low))
    assert (wrong.arm, wrong.holds) == ("accumulate > replace", False)


def test_seeds_are_paired_by_their_number() -> None:
    base = np.arange(6.0)[None] * 100
    a = arm("replace", base + np.arange(6.0) + 1, seeds=np.arange(6))
    b = arm("accumulate", base[:, ::-1], seeds=np.arange(6)[::-1])
    assert one(Ordering(metric="m", arms=PAIR), a, b).holds is True
    turned = Ordering(metric="m", arms=PAIR[::-1])
    below = arm("replace", base - np.arange(6.0) - 1, seeds=np.arange(6))
    assert one(turned, below, b).holds is True
    fewer = arm("accumulate", base[:, 2:], seeds=np.arange(2, 6))
    found = one(Ordering(metric="m", arms=PAIR), a, fewer)
    assert found.evidence.endswith("(4 seeds, 2 without a partner)")
    none = one(Ordering(metric="m", arms=PAIR), a, arm("accumulate", base, seeds=np.arange(50, 56)))
    assert (none.holds, none.evidence) == (None, "0 seeds in common; at least 2 are needed")


def test_backends_and_other_axes_are_not_mixed() -> None:
    given = []
    for place, backend in enumerate(("torch", "jax")):
        for n in (50, 100):
            for policy, level in (("replace", 5.0), ("accumulate", 0.0)):
                # The other combinations lie far apart: a wrong pair would turn the sign around.
                values = level + 1000.0 * n * (-1) ** place + np.arange(6.0)[None] % 2
                extra = {"samples": {"real": n}}
                given.append(arm(policy, values, extra, backend=backend, arm=f"{policy},{n}"))
    found = Ordering(metric="m", arms=PAIR).judge(given)
    assert [(v.arm, v.backend, v.holds) for v in found] == [
        (f"replace,{n} > accumulate,{n}", backend, True)
        for backend in ("torch", "jax")
        for n in (50, 100)
    ]
    assert found[0].evidence.startswith("torch: ")


def test_three_arms_make_two_pairs_and_a_missing_arm_is_told() -> None:
    three = Ordering(metric="m", arms=(*PAIR, {"policy": "fresh"}))
    arms = [
        arm(name, level + np.array([[0.0, 0.1, 0.2]]))
        for name, level in (("replace", 2.0), ("accumulate", 1.0), ("fresh", 0.0))
    ]
    assert [v.arm for v in three.judge(arms)] == ["replace > accumulate", "accumulate > fresh"]
    assert all(v.holds is True for v in three.judge(arms))
    gone = three.judge(arms[:2])
    assert [v.holds for v in gone] == [True, None, None]
    assert one(three).holds is None
    both = [arm("replace", [[1.0, 2.0]], {"start": start}) for start in ("warm", "scratch")]
    lone = Ordering(metric="m", arms=PAIR).judge(
        [*both, arm("accumulate", [[0.0, 0.0]], {"start": "warm"})]
    )
    assert sorted(str(v.holds) for v in lone) == ["None", "None"]


def test_values_that_are_not_finite_fail_and_equal_arms_are_not_ordered() -> None:
    values = np.ones((2, 6))
    bad = values.copy()
    bad[1, 2] = np.nan
    claim = Ordering(metric="m", arms=PAIR)
    found = one(claim, arm("replace", bad), arm("accumulate", values))
    assert found.holds is False
    assert found.evidence.startswith("replace: not finite for 1 of 6 seeds")
    for test in ("t", "sign"):
        same = Ordering.model_validate({"metric": "m", "arms": PAIR, "test": test})
        tiny = arm("replace", values + 4e-16)
        assert one(same, tiny, arm("accumulate", values)).holds is False
    assert one(claim, arm("replace", [[1.0]]), arm("accumulate", [[0.0]])).holds is None


def test_problems_fields_and_statement() -> None:
    claim = Ordering(metric="m", arms=PAIR, generation=9, test="sign")
    data = [{"policy": {"kind": "replace"}}]
    assert claim.problems(Prospect(5, {}, None, seeds=4, arms=data)) == [
        ("generation", "generation 9 is beyond the last one, 5"),
        ("arms.1", "no arm has accumulate"),
        ("test", "4 seeds cannot reach level 0.05 in a sign test"),
    ]
    within = Ordering(metric="m", arms=({"backend": "torch"}, {"backend": "jax"}))
    assert [path for path, _ in within.problems(Prospect(5, {}, None))] == ["arms.0", "arms.1"]
    same = Ordering(metric="m", arms=({"policy": "replace"}, {"policy": {"kind": "replace"}}))
    assert same.problems(Prospect(5, {}, None, arms=data))[0][0] == "arms.1"
    with pytest.raises(ValidationError):
        Ordering(metric="m", arms=(PAIR[0],))
    assert Ordering(metric="m", arms=PAIR).statement() == (
        "m at the last generation: replace > accumulate (paired t test at level 0.05, "
        "shared by all orderings)"
    )


def test_orderings_of_a_scenario_share_their_level() -> None:
    """Any of two orderings that are not so is called true with 5 % at most, not with 10 %."""
    claims = [Ordering(metric="m", arms=PAIR, generation=g, level=0.05).among(2) for g in range(2)]
    called = 0
    for run in range(RUNS):
        rng = np.random.Generator(np.random.Philox(key=run))
        given = [arm(name, rng.standard_normal((2, 12))) for name in ("replace", "accumulate")]
        called += any(one(claim, *given).holds for claim in claims)
    has_rate(called, 1 - (1 - 0.05 / 2) ** 2)


def test_a_scenario_with_two_orderings_judges_each_at_half_the_level(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(TWO)
    scenario = load(path)
    noise = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0])
    shift = 2.1 * noise.std(ddof=1) / np.sqrt(8)  # t of 2.1: p is 0.037 with 7 degrees of freedom
    low = np.zeros((3, 8))
    labels = [labelled.label for labelled in scenario.arms]
    curves = [Curves(np.arange(3), np.arange(8), values) for values in (low + noise + shift, low)]
    values = {(label, "numpy"): curve for label, curve in zip(labels, curves, strict=True)}
    records = judge(scenario, lambda metric: values)
    assert [record.holds for record in records] == [None, None]
    assert all("p 0.037, level 0.025" in record.evidence for record in records)
    single = scenario.model_copy(update={"claims": scenario.claims[:1]})
    assert [record.holds for record in judge(single, lambda metric: values)] == [True]

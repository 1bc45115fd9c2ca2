"""The eight definitions on simulated series: wrong answers are rare, effects are found.

At a threshold itself both answers are wrong half of the time if noise is ignored; a correct test
gives either one with a probability below its level. Counts are compared with the binomial at 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from recurse.verdicts import catastrophic, definitions, divergence, increase, variance
from recurse.verdicts.trace import Trace
from tests.verdicts.simulated import LEVEL, REPEATS, Values, answers, at_most, noisy, trace

G = np.arange(41.0)
LINEAR, FLAT = 1 + G, np.ones(41)
SETTLING = np.cumsum(1 / (1 + G) ** 2)
JUMP = np.where(G < 5, 1 + G, 10.0)


def means(values: Values, seeds: int = 40) -> Callable[[np.random.Generator], Trace]:
    return lambda rng: trace(noisy(values, seeds, rng))


def nats(values: Values, sign: float) -> Callable[[np.random.Generator], Trace]:
    """A log-likelihood: the logarithm of the risk with its sign, normal noise of 0.1."""
    worse = "up" if sign > 0 else "down"

    def draw(rng: np.random.Generator) -> Trace:
        noise = 0.1 * rng.standard_normal((len(values), 40))
        return trace(sign * (3 + np.log(values)[:, None] + noise), worse=worse, log=True)

    return draw


def typical(left: Values) -> Callable[[np.random.Generator], Trace]:
    """Log-normal spread whose geometric mean is ``left``, noise of 10 %."""

    def draw(rng: np.random.Generator) -> Trace:
        noise = 0.1 * rng.standard_normal((len(left), 40))
        return trace(left[:, None] * np.exp(noise), worse="down")

    return draw


def kept(share: Values) -> Callable[[np.random.Generator], Trace]:
    """Modes left of 25 on average, binomial noise."""
    return lambda rng: trace(rng.binomial(200, share[:, None] / 2, (41, 40)) / 8.0, worse="down")


def gained(mass: Values) -> Callable[[np.random.Generator], Trace]:
    """Probabilities with normal noise of 0.01 that start at 0.02."""
    return lambda rng: trace(0.02 + mass[:, None] + 0.01 * rng.standard_normal((41, 80)))


LOST = np.where(G < 20, 1.0, 0.99)
FALL = np.exp(-1.2 * (G / 40) ** 0.75)
NULLS = [
    (1, "yes", means(JUMP)),
    (1, "no", means(JUMP)),
    (1, "yes", nats(JUMP, 1.0)),
    (1, "no", nats(JUMP, -1.0)),
    (2, "yes", means(FLAT)),
    (2, "no", means(np.where(G < 40, 1.0, increase.MARGIN))),
    (2, "yes", nats(FLAT, -1.0)),
    (2, "no", nats(np.where(G < 40, 1.0, increase.MARGIN), -1.0)),
    (3, "yes", means(1 + G**divergence.STEEP)),
    (3, "no", means(np.maximum(G, 1) ** divergence.SETTLED)),
    (3, "yes", means(FLAT)),
    (5, "yes", typical(np.where(G < 10, 1.0, variance.GONE))),
    (5, "yes", typical(FALL)),
    (5, "no", typical(np.where(G < 10, 1.0, variance.KEPT))),
    (5, "no", typical(np.where(G <= 20, 1.0, variance.FLAT))),
    (6, "yes", kept(FLAT)),
    (6, "no", kept(LOST)),
    (7, "yes", gained(0 * G)),
    (7, "no", gained(1 - LOST)),
    (8, "yes", gained(0 * G)),
    (8, "no", gained(1 - LOST)),
]


@pytest.mark.parametrize(("number", "wrong", "draw"), NULLS)
def test_a_wrong_answer_at_the_threshold_is_as_rare_as_the_level(
    number: int, wrong: str, draw: Callable[[np.random.Generator], Trace]
) -> None:
    assert at_most(answers(number, draw)[wrong])


POWERS = [
    (1, "yes", means(4.0**G)),
    (1, "no", means(LINEAR, 100)),
    (1, "yes", nats(4.0**G, 1.0)),
    (1, "yes", nats(4.0**G, -1.0)),
    (2, "yes", means(1 + 0.5 * G / 40, 100)),
    (2, "yes", nats(1 + 0.15 * G / 40, -1.0)),
    (2, "no", means(np.where(G > 0, 0.6, 1.0), 100)),
    (3, "yes", means(LINEAR, 400)),
    (3, "yes", means(1.1**G, 400)),
    (3, "no", means(SETTLING, 1500)),
    (3, "no", means(FLAT, 1000)),
    (5, "yes", typical(0.94**G)),
    (5, "yes", typical(0.97**G)),
    (5, "yes", typical(1 / (1 + G))),
    (5, "no", typical(FLAT * 1.1)),
    (6, "yes", kept(1 - 0.2 * G / 40)),
    (7, "yes", gained(0.02 * G / 40)),
    (8, "no", gained(0 * G)),
]


@pytest.mark.parametrize(("number", "right", "draw"), POWERS)
def test_an_effect_is_found(
    number: int, right: str, draw: Callable[[np.random.Generator], Trace]
) -> None:
    count = answers(number, draw)[right]
    assert count >= int(binom.ppf(1e-6, REPEATS, 0.95)), count / REPEATS


def sizes(change: float, rng: np.random.Generator) -> list[Trace]:
    """Three sizes, loss ``n^-1`` at generation 0 and ``n^-(1 + change)`` at the last; one noise."""
    found = []
    common = rng.chisquare(40, (1, 100)) / 40
    for n in (10.0, 100.0, 1000.0):
        curve = n ** -np.linspace(1, 1 + change, 11)
        own = common * rng.chisquare(40, (11, 100)) / 40
        found.append(trace(curve[:, None] * own, arm=f"n={n}", size=n))
    return found


@pytest.mark.parametrize(
    ("change", "answer", "rare"),
    [(0.1, "yes", True), (0.1, "no", True), (-0.3, "yes", False), (0.0, "no", False)],
)
def test_the_exponent_of_the_scaling_law(change: float, answer: str, rare: bool) -> None:
    find = definitions()[4].find
    found = [sizes(change, np.random.default_rng(seed)) for seed in range(REPEATS)]
    count = sum(find(arms[0], arms, LEVEL).answer == answer for arms in found)
    assert at_most(count) if rare else count > 0.95 * REPEATS


def test_the_change_of_the_exponent_has_its_sign_and_a_constant_factor_changes_nothing() -> None:
    find = definitions()[4].find
    arms = sizes(-0.3, np.random.default_rng(1))
    finding = find(arms[0], arms, LEVEL)
    assert finding.low < -0.3 < finding.high < -0.2
    worse = [
        trace(np.stack([one.values[0], 7 * one.values[0]]), arm=one.arm, size=one.size)
        for one in arms
    ]
    assert find(worse[0], worse, LEVEL).figure == pytest.approx(0, abs=1e-12)


def gaussian(n: int, generations: int, seeds: int, ddof: int) -> tuple[Values, Values]:
    """Replace with a fitted normal: variance ``[G+1, R]`` and squared W2 to the standard normal."""
    rng = np.random.default_rng(20)
    mean, spread, rows = np.zeros(seeds), np.ones(seeds), []
    for _ in range(generations + 1):
        mean = mean + np.sqrt(spread / n) * rng.standard_normal(seeds)
        spread = spread * rng.chisquare(n - 1, seeds) / (n - ddof)
        rows.append((spread, mean**2 + (np.sqrt(spread) - 1) ** 2))
    return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])


def test_the_gaussian_that_is_replaced_loses_its_variance_while_its_risk_stays_bounded() -> None:
    """W2 tends to 2: the variance is gone, and the mean has wandered by 1."""
    left, risk = gaussian(n=20, generations=200, seeds=2000, ddof=0)
    find = {number: one.find for number, one in definitions().items()}
    fallen = trace(left, worse="down")
    assert find[5](fallen, [fallen], 1e-6).answer == "yes"
    bounded = trace(risk)
    assert find[3](bounded, [bounded], 1e-6).answer == "no"
    assert find[2](bounded, [bounded], 1e-6).answer == "yes"
    assert risk[-1].mean() == pytest.approx(2, rel=0.15)


def test_unbiased_estimates_lose_the_variance_as_well_although_its_mean_stays() -> None:
    left, _ = gaussian(n=20, generations=200, seeds=2000, ddof=1)
    fallen = trace(left, worse="down")
    finding = definitions()[5].find(fallen, [fallen], 1e-6)
    assert finding.answer == "yes"
    assert finding.high <= variance.GONE


def test_the_logarithm_of_a_spread_is_judged_as_the_spread_itself() -> None:
    left, _ = gaussian(n=20, generations=60, seeds=50, ddof=0)
    plain, logs = trace(left, worse="down"), trace(np.log(left), worse="down", log=True)
    assert variance.find(logs, [], LEVEL) == variance.find(plain, [], LEVEL)
    gone = np.log(left)
    gone[30:, :10] = -np.inf
    assert variance.find(trace(gone, worse="down", log=True), [], LEVEL).answer == "yes"


def test_figures_by_hand() -> None:
    values = np.array([[1.0, 3.0, 2.0], [2.0, 7.0, 3.0], [8.0, 8.0, 8.0]])
    rise = increase.find(trace(values), [], 0.5)
    assert rise.figure == pytest.approx(24 / 6)
    early = catastrophic.find(trace(values[:2]), [], 0.5)
    assert early.figure == pytest.approx(12 / 6)
    assert early.answer == "cannot tell" and "ends at generation 1" in early.evidence
    shares = trace(np.array([[4.0, 4.0, 4.0], [1.0, 2.0, 4.0]]), worse="down")
    assert definitions()[7].find(shares, [], LEVEL).figure == pytest.approx(1 - 7 / 12)
    logs = trace(np.array([[-3.0, -2.0, -4.0], [-4.0, -3.0, -5.5]]), worse="down", log=True)
    assert increase.find(logs, [], LEVEL).figure == pytest.approx(np.exp(3.5 / 3))


def test_what_cannot_be_judged_says_why() -> None:
    find = {number: one.find for number, one in definitions().items()}
    few, none = trace(np.ones((41, 2))), trace(np.ones((1, 9)))
    for number in (1, 2, 3, 5, 6, 7, 8):
        assert "at least 3" in find[number](few, [], LEVEL).evidence
        assert "beyond generation 0" in find[number](none, [], LEVEL).evidence
    short = trace(noisy(LINEAR[:5], 50, np.random.default_rng(1)))
    assert "8 at least" in find[3](short, [], LEVEL).evidence
    assert "samples alone" in find[4](short, [short], LEVEL).evidence
    heavy = noisy(LINEAR, 50, np.random.default_rng(1))
    heavy[:, 0] *= 1e4
    for number in (1, 2, 3):
        finding = find[number](trace(heavy), [], LEVEL)
        assert finding.answer == "cannot tell"
        assert "spread" in finding.evidence


def test_seeds_without_any_change_prove_nothing_unless_they_are_many() -> None:
    for seeds, answer in ((20, "cannot tell"), (200, "no")):
        still = trace(np.full((11, seeds), 25.0), worse="down")
        for number in (5, 6, 7):
            assert definitions()[number].find(still, [], LEVEL).answer == answer


@pytest.mark.parametrize("changed", [3, 8])
def test_a_change_elsewhere_does_not_make_an_interval_without_width_speak(changed: int) -> None:
    """No landmark, nor the middle or the end; of the landmarks one alone. Three seeds."""
    values = np.ones((11, 3))
    values[changed, 0] = 1.0 - 1e-4
    one = trace(values, worse="down")
    for number in (5, 6, 7):
        assert definitions()[number].find(one, [], LEVEL).answer == "cannot tell"
    values[1:] = 1.0 - 1e-4 * (1.0 + np.arange(10.0)[:, None] + np.arange(3.0))
    for number in (5, 6, 7):
        assert definitions()[number].find(trace(values), [], LEVEL).answer == "no"


def test_a_risk_that_becomes_infinite_diverges() -> None:
    values = noisy(FLAT, 20, np.random.default_rng(2))
    values[30:, :12] = np.inf
    for sign, worse in ((1, "up"), (-1, "down")):
        for number, at in ((2, 32), (3, 40)):
            finding = definitions()[number].find(trace(sign * values, worse=worse), [], LEVEL)
            assert finding.answer == "yes"
            text = f"infinite for 12 of 20 seeds at generation {at}, for 0 at generation 0"
            assert finding.evidence == text
    assert catastrophic.find(trace(values), [], LEVEL).answer == "no"
    values[3:, :12] = np.inf
    assert catastrophic.find(trace(values), [], LEVEL).answer == "yes"


def test_a_risk_that_is_infinite_from_the_start_is_no_rise() -> None:
    """Models of 20 real samples lack some of 20 symbols, models of 10,000 later ones none."""
    values = noisy(FLAT, 30, np.random.default_rng(2))
    values[0] = np.inf
    for number in (1, 2, 3):
        finding = definitions()[number].find(trace(values), [], LEVEL)
        assert finding.answer == "cannot tell"
        assert "for 30 at generation 0: nothing to compare with" in finding.evidence


@pytest.mark.parametrize("chance", [0.01, 0.5])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_risk_that_is_as_often_infinite_at_generation_0_is_no_rise(
    number: int, chance: float
) -> None:
    """However rare it is: by luck no seed of generation 0 may show it."""

    def draw(rng: np.random.Generator) -> Trace:
        values = noisy(FLAT, 40, rng)
        values[rng.random(values.shape) < chance] = np.inf
        return trace(values)

    assert at_most(answers(number, draw)["yes"])


def test_where_few_seeds_are_lost_the_finite_generations_speak() -> None:
    values = noisy(LINEAR, 40, np.random.default_rng(2))
    values[30:, 0] = np.inf
    assert "times at generation 16" in increase.find(trace(values), [], LEVEL).evidence
    values[1:3] *= 20
    values[4:, 0] = np.inf
    finding = catastrophic.find(trace(values), [], LEVEL)
    assert finding.answer == "yes" and "times at generation 2" in finding.evidence
    flat = noisy(FLAT, 40, np.random.default_rng(2))
    for rows in (slice(20, 21), slice(40, 41)):
        flat[rows, 0] = np.inf
        assert divergence.find(trace(flat), [], LEVEL).answer == "cannot tell"
    reason = "infinite for 1 of 40 seeds at generation 40, for 0 at generation 0: too few"
    assert reason in increase.find(trace(flat), [], LEVEL).evidence


def test_seeds_that_ended_early_and_generations_that_were_not_measured_are_left_out() -> None:
    values = noisy(LINEAR, 6, np.random.default_rng(3))
    values[20:, 0] = np.nan
    values[7] = np.nan
    whole = trace(values).whole()
    assert whole.seeds.tolist() == [1, 2, 3, 4, 5]
    assert whole.last == 40
    assert 7 not in whole.generations.tolist()
    assert [int(whole.generations[row]) for row in whole.landmarks()] == [1, 2, 4, 8, 16, 32, 40]

"""Dohmatob et al.: regressions with a spectrum, too few samples, and a share of synthetic labels.

Every simulation has level 1e-6 over its generations and asserts the shift that it would have found
with 99 % power.
"""

from __future__ import annotations

import numpy as np
import pytest

from recurse.families.linear import Linear
from recurse.lowering.decision import decide
from recurse.metrics.excess_risk import ExcessRisk
from recurse.metrics.ridge_risk import RidgeRisk
from recurse.policies.accumulate import Accumulate
from recurse.policies.fresh import Fresh
from recurse.policies.mix import Mix
from recurse.policies.replace import Replace
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.linear_regression import LinearRegression
from recurse.sources.regression import SpectralRegression
from recurse.theory import curves
from recurse.theory.dohmatob_ridge import effective_penalty, student
from tests.harness import Array, simulate
from tests.regression_arms import GIVEN, REGRESSIONS, spectral, wide
from tests.statistics_checks import z_test


def curve(arm: Arm, metric: str, name: str) -> Array:
    """The one curve of a metric whose name has this part."""
    (found,) = [c for c in curves(arm)[0] if c.metric == metric and name in c.name]
    return found.values


def sample(arm: Arm, replicates: int, exact: bool | None = None) -> dict[str, Array]:
    """Every metric ``[R, G+1]``, in blocks."""
    blocks = [simulate(arm, range(k, k + 1000), exact) for k in range(0, replicates, 1000)]
    return {m: np.concatenate([b[m] for b in blocks], axis=1).T for m in blocks[0].metrics}


SPECTRAL = {
    "power law": spectral(Replace(), generations=4),
    "power law, accumulate": spectral(Accumulate(), generations=4),
    "power law, fresh": spectral(Fresh(), generations=4),
    "given, reused": spectral(Mix(), source=GIVEN, generations=4),
    "wide": wide(Replace(), generations=4),
    "wide, decaying": wide(
        Replace(),
        source=SpectralRegression(dim=9, noise=0.5, design="fresh", decay=2.0),
        generations=4,
    ),
    "narrow, then wide": wide(Replace(), samples=Samples(real=14, synthetic=6), generations=4),
    "wide, then narrow": wide(Replace(), samples=Samples(real=5, synthetic=16), generations=4),
}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("name", SPECTRAL)
def test_expectation(name: str, exact: bool) -> None:
    arm = SPECTRAL[name]
    assert decide(arm).lowering == "statistics"
    expected = curve(arm, "excess_risk", "expectation")
    shift = z_test(sample(arm, 4_000, exact)["excess_risk"], expected)
    assert np.all(shift < 0.16 * expected)


def test_too_few_samples_by_hand() -> None:
    """theory.md 0.4: d = 60, T0 = 30, |w*|^2 = 60: 60 (1 - eta^3) without noise; and with it."""
    source = SpectralRegression(dim=60, noise=0.0, design="fresh")
    arm = wide(Replace(), source=source, samples=Samples(real=30, synthetic=30), generations=5)
    n = np.arange(1.0, 7.0)
    forgotten = 1 - 0.5**n
    np.testing.assert_allclose(curve(arm, "excess_risk", "minimum norm"), 60 * forgotten)
    noisy = arm.model_copy(update={"source": source.model_copy(update={"noise": 2.0})})
    expected = 60 * forgotten + 4 * 30 / 29 * forgotten / 0.5
    np.testing.assert_allclose(curve(noisy, "excess_risk", "minimum norm"), expected)


def test_effective_penalty_solves_its_equation() -> None:
    spectrum = np.arange(1.0, 61.0) ** -1.5
    for samples, ridge in ((100, 0.02), (30, 0.0), (30, 1e-6), (1000, 5.0)):
        kappa = effective_penalty(spectrum, samples, ridge)
        again = ridge + kappa * np.sum(spectrum / (spectrum + kappa)) / samples
        assert kappa > ridge and abs(kappa - again) < 1e-10 * kappa
    assert effective_penalty(spectrum, 100, 0.0) == 0.0


def test_a_student_without_penalty_is_least_squares() -> None:
    """kappa = 0: ``sigma^2 d/(T - d)``, and the generator's risk is passed on whole."""
    own, passed = student(np.arange(1.0, 11.0), np.ones(10), 0.5, 110, 0.0)
    assert abs(own - 0.25 * 10 / 100) < 1e-14 and abs(passed - 10) < 1e-12


def test_table_of_ridge() -> None:
    """theory.md 0.4: power law, n = 4, d = 60, T0 = 120, T = 100, lam = .02: 0.0989."""
    spectrum = np.arange(1.0, 61.0) ** -1.5
    isotropic, _ = student(np.ones(60), np.ones(60), 1.0, 10**7, 1.0)
    assert abs(isotropic - 60 / 4) < 1e-4
    errors = []
    for ridge in (0.005, 0.02, 0.1):
        source = SpectralRegression(dim=60, noise=0.5, design="fresh", spectrum="power_law")
        metrics = (ExcessRisk(), RidgeRisk(samples=100, ridge=ridge))
        arm = spectral(
            Replace(),
            source=source,
            samples=Samples(real=120, synthetic=120),
            generations=3,
            metrics=metrics,
        )
        expected = curve(arm, "ridge_risk", "ridge")
        found = sample(arm, 1000)["ridge_risk"]
        shift = z_test(found, found.mean(axis=0))
        assert np.all(shift < 0.15 * expected)
        errors.append(np.abs(found.mean(axis=0) / expected - 1).max())
    assert max(errors) < 0.06
    assert spectrum[0] == 1.0


def mixture(synthetic: int, fresh: int) -> Arm:
    """d = 100, noise variance 1/4, a labelling model of risk c2 = 1."""
    return Arm(
        source=LinearRegression(dim=100, noise=0.5, design="fresh"),
        model=Linear(),
        policy=Fresh(),
        samples=Samples(real=126, synthetic=synthetic, fresh=fresh),
        backend="numpy",
        generations=1,
        metrics=(ExcessRisk(),),
    )


def test_strong_collapse_needs_the_term_in_p1_p2() -> None:
    """theory.md 0.4: n = 1000, p2 = 1/2: 0.3056, where the published short form says 0.2750."""
    arm = mixture(500, 500)
    assert abs(curve(arm, "excess_risk", "p1 p2")[1] - 0.3056) < 5e-5
    assert abs(curve(arm, "excess_risk", "lower bound")[1] - 0.25) < 1e-12
    expected = curve(arm, "excess_risk", "expectation")
    assert abs(expected[1] / 0.3056 - 1) < 0.01
    shift = z_test(sample(arm, 2_000)["excess_risk"], expected)
    assert np.all(shift < 0.12 * expected)
    assert np.all(shift[1] < 0.5 * (expected[1] - 0.1 * 0.25))


@pytest.mark.parametrize("name", REGRESSIONS)
def test_curves_are_whole(name: str) -> None:
    found, refused = curves(REGRESSIONS[name])
    assert all(reason for _, reason in refused)
    for each in found:
        assert each.values.shape == (21,) and np.all(np.isfinite(each.values[1:]))


def test_refusals() -> None:
    few = wide(Accumulate(), samples=Samples(real=3, synthetic=3), generations=1)
    reasons = dict(curves(few)[1])
    assert "replace" in reasons["dohmatob_overparametrised"]
    assert "infinite" in reasons["linear_risk"]
    plain = dict(curves(spectral(Replace()))[1])
    assert "minimum-norm" in plain["dohmatob_overparametrised"]
    assert "ridge_risk" in plain["dohmatob_ridge"] and "fresh" not in plain["dohmatob_ridge"]
    tilted = wide(Replace(), source=REGRESSIONS["regression accumulate"].source)
    assert dict(curves(tilted)[1])["dohmatob_overparametrised"]

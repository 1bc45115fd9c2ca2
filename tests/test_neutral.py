"""Closed-form families, correctors and metrics use the array API standard and nothing else.

``array_api_strict`` refuses what is not in the standard and any mixing with NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from recurse.correctors import Corrector, Prepared
from recurse.correctors.curation import Curation
from recurse.correctors.detector import Detector
from recurse.correctors.edit_labels import EditLabels
from recurse.correctors.kmeans import KMeans
from recurse.correctors.none import NoCorrector
from recurse.correctors.oracle import Oracle
from recurse.correctors.unlearn import Unlearn
from recurse.correctors.verifier import Reference, Verifier
from recurse.correctors.watermark import Watermark
from recurse.families.linear import Linear
from recurse.families.roles import Pointwise
from recurse.judges.rewards import Nearness
from recurse.metrics import View
from recurse.metrics.alive import Alive
from recurse.metrics.contexts_left import ContextsLeft
from recurse.metrics.degenerate import Degenerate
from recurse.metrics.deviation_above import DeviationAbove
from recurse.metrics.effective_rank import EffectiveRank
from recurse.metrics.elbo import Elbo
from recurse.metrics.frechet import Frechet
from recurse.metrics.hallucinated import Hallucinated
from recurse.metrics.latent_spread import LatentSpread
from recurse.metrics.log_spread import LogSpread
from recurse.metrics.mean_square import MeanSquare
from recurse.metrics.mode_coverage import ModeCoverage
from recurse.metrics.mode_kl import ModeKl
from recurse.metrics.parameter_error import ParameterError
from recurse.metrics.point_reward import PointReward
from recurse.metrics.posterior_kl import PosteriorKl
from recurse.metrics.ridge_risk import RidgeRisk
from recurse.metrics.second_moment import SecondMoment
from recurse.metrics.tail_kept import TailKept
from recurse.metrics.test_loss import HeldoutLoss
from recurse.metrics.total_variation import TotalVariation
from recurse.metrics.tv_error import TvError
from recurse.numerics.streams import Streams
from recurse.sources.linear_regression import LinearRegression
from recurse.spec import kinds
from tests.closed_arms import EVERYTHING, FRESH_DESIGN, RISKS, SKEW
from tests.discrete_arms import COUNTED, WORDS
from tests.glm_arms import CLASSES, ERRORS
from tests.gmm_arms import PAIR
from tests.scalar_arms import LAWS
from tests.test_contract import EXAMPLES, law_noise, sample_noise
from tests.text_arms import GRAMS, PAIRS

STREAMS = Streams((1, 2, 3))


@pytest.fixture(autouse=True)
def standard() -> Iterator[None]:
    """The newest version of the standard, with its optional linear algebra."""
    with strict.ArrayAPIStrictFlags(api_version="2024.12"):
        yield


def put(arrays: Any) -> dict[str, Any]:
    return {name: strict.asarray(np.array(values)) for name, values in arrays.items()}


def pointwise(arm: Any) -> bool:
    """Fits that look at every sample are tested in their own files."""
    return isinstance(arm.model, Pointwise)


FAMILIES = [kind for kind, arm in EXAMPLES.items() if arm.source.law == kind and not pointwise(arm)]


@pytest.mark.parametrize("family", FAMILIES)
def test_families(family: str) -> None:
    arm = EXAMPLES[family]
    model: Any = arm.model
    source = arm.source
    params = put(source.truth(STREAMS))
    for n in (1, 2, 20):
        noise = put(sample_noise(model, source, STREAMS, n))
        batch = model.sample(strict, source, params, noise, {})
        summed = model.statistics(strict, batch, strict.ones((3, n), dtype=strict.float64))
        noise = put(law_noise(model, source, STREAMS, n))
        drawn = model.sample_statistics(strict, source, n, params, noise, {})
        merged = model.merge(strict, drawn, summed)
    fitted = model.estimate(strict, merged)
    assert all(isinstance(v, type(strict.ones(1))) for v in fitted.values())
    density = model.evaluate(strict, source, params, batch)
    assert density.shape == (3,) and density.dtype == strict.float64


@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_reused_design(ridge: float) -> None:
    model, source = Linear(ridge=ridge), LinearRegression(dim=4)
    params, design = put(source.truth(STREAMS)), put(model.design(source, STREAMS, 20))
    noise = put(STREAMS.draws(1, "synthetic", model.statistics_noise(source, 40)))
    drawn = model.sample_statistics(strict, source, 40, params, noise, design)
    assert model.estimate(strict, model.merge(strict, drawn, drawn))["coef"].shape == (3, 4)
    few = put({"gram": np.zeros((3, 4, 4)), "moment": np.zeros((3, 4)), "count": np.ones(3)})
    assert model.determined(strict, few)["gram"].shape == (3, 4, 4)
    shared = put({"x": source.draw(STREAMS, 0, "real", 20)["x"]})
    noise = put(STREAMS.draws(1, "synthetic", model.noise(source, 40)))
    assert model.sample(strict, source, params, noise, shared)["y"].shape == (3, 40)


CORRECTORS: dict[str, Corrector] = {
    "none": NoCorrector(),
    "kmeans": KMeans(clusters=3),
    "oracle": Oracle(gamma=1.0),
    "edit_labels": EditLabels(share=0.5),
    "verifier": Verifier(reference=Reference(tolerance=1.5)),
    "curation": Curation(k=3, nearness=Nearness(target=(1.0, -2.0, 0.5))),
    "detector": Detector(auc=0.8),
    "unlearn": Unlearn(flagged=0.5),
    "watermark": Watermark(tpr=0.9, fpr=0.1),
}


@pytest.mark.parametrize("name", kinds("corrector"))
@pytest.mark.parametrize("labelled", [False, True])
def test_correctors(name: str, labelled: bool) -> None:
    corrector = CORRECTORS[name]
    real = SKEW.draw(STREAMS, 0, "real", 30)
    drawn = dict(corrector.draws(STREAMS, SKEW, 1, 12))
    seen = corrector.candidates(12)
    batch = SKEW.draw(STREAMS, 1, "batch", seen)
    if labelled:
        real["label"], batch["label"] = (np.tile(np.arange(n) % 2, (3, 1)) for n in (30, seen))
        drawn["label"] = batch["label"]
    if corrector.keeps:
        batch["y"], drawn["y"] = batch["x"][..., 0], batch["x"][..., 0]
    kept = {name: batch[name] for name in corrector.keeps}
    source: Any = FRESH_DESIGN if corrector.marks else SKEW
    known = Prepared(put(corrector.prepare(STREAMS, source, real)), put(kept), {})
    corrected, share = corrector.correct(strict, put(batch), known, put(drawn))
    assert corrected.fields.keys() == batch.keys() and share.shape == (3,)
    assert corrected.fields["x"].shape == (3, 12, 3) and share.dtype == strict.float64
    for found, said in ((corrected.weight, corrector.weighs), (corrected.mark, corrector.marks)):
        assert (found is not None) == said and (not said or found.dtype == strict.float64)


SELECTIONS: list[tuple[Any, Corrector]] = [
    (WORDS, Verifier(accepts=(0, 3), psi=0.5)),
    (WORDS, Curation(k=3, values=(0.0, 1.0, 0.5, -1.0, 2.0))),
    (WORDS, Detector(auc=0.6, use="filter", fpr=0.2)),
    (WORDS, Watermark(tpr=0.5)),
    (SKEW, Curation(direction=(1.0, 0.0, 0.0))),
    (FRESH_DESIGN, Verifier(error=0.3, phi=0.9, psi=0.2)),
    (FRESH_DESIGN, Verifier(reference=Reference(offset=0.5, tolerance=1.0, radius=0.1))),
]


@pytest.mark.parametrize(("source", "corrector"), SELECTIONS, ids=repr)
def test_selections(source: Any, corrector: Corrector) -> None:
    """Every way to select, of the fields that it is for."""
    known = Prepared(put(corrector.prepare(STREAMS, source, {})), {}, {})
    draws = put(corrector.draws(STREAMS, source, 1, 12))
    batch = put(source.draw(STREAMS, 1, "batch", corrector.candidates(12)))
    corrected, share = corrector.correct(strict, batch, known, draws)
    assert {values.shape[:2] for values in corrected.fields.values()} == {(3, 12)}
    assert (corrected.weight is not None) == corrector.weighs and share.shape == (3,)


ONE = (ParameterError(), Alive())
MODES = ("mode_coverage", "mode_kl", "point_reward")
METRICS: dict[str, Any] = {
    **{metric.kind: metric for metric in (*EVERYTHING, *RISKS, *COUNTED, *ONE, *ERRORS)},
    "ridge_risk": RidgeRisk(samples=60),
    "deviation_above": DeviationAbove(),
    "log_spread": LogSpread(),
    "second_moment": SecondMoment(),
    "degenerate": Degenerate(),
    "effective_rank": EffectiveRank(),
    "mean_square": MeanSquare(),
    "hallucinated": Hallucinated(samples=60),
    "tail_kept": TailKept(samples=60),
    "posterior_kl": PosteriorKl(),
    "mode_coverage": ModeCoverage(samples=60),
    "mode_kl": ModeKl(samples=60),
    "point_reward": PointReward(samples=60, nearness=Nearness(target=(1.0, 0.0))),
    "total_variation": TotalVariation(),
    "tv_error": TvError(),
    "elbo": Elbo(),
    "test_loss": HeldoutLoss(),
    "latent_spread": LatentSpread(),
    **{f"{metric.kind} of grams": metric for metric in GRAMS},
    "contexts_left": ContextsLeft(),
    "frechet pca": Frechet(features="pca", components=2, samples=60),
}


def test_every_metric_is_here() -> None:
    assert kinds("metric").keys() <= METRICS.keys()


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_metrics(name: str, dtype: Any) -> None:
    """``[R]`` in float64 from parameters, or from samples of either precision."""
    laws = {
        **{metric.kind: FRESH_DESIGN for metric in RISKS},
        "ridge_risk": FRESH_DESIGN,
        **{metric.kind: WORDS for metric in COUNTED},
        **{metric.kind: LAWS["poisson"] for metric in ONE},
        **{metric.kind: CLASSES for metric in ERRORS},
        **dict.fromkeys(MODES, PAIR),
        "contexts_left": PAIRS,
        "tv_error": WORDS,
    }
    if name.endswith("of grams"):
        laws[name] = PAIRS
    source: Any = laws.get(name, SKEW)
    samples = {"x": SKEW.draw(STREAMS, 1, "samples", 60)["x"].astype(dtype)}
    if name in MODES:
        samples = {"x": PAIR.draw(STREAMS, 1, "samples", 60)["x"].astype(dtype)}
    if name == "ridge_risk":
        drawn = FRESH_DESIGN.draw(STREAMS, 1, "samples", 60)
        samples = {key: values.astype(dtype) for key, values in drawn.items()}
    shared = {"x": SKEW.draw(Streams((9,)), 0, "heldout", 50)["x"][0].astype(dtype)}
    truth = put(source.truth(STREAMS))
    params = {key: 1.1 * values for key, values in truth.items()}
    quantities = {key: strict.ones(3, dtype=strict.float64) for key in ("log_prob", "elbo")}
    params["degenerate"] = strict.ones(3, dtype=strict.float64)
    params["product"] = strict.ones((3, 4), dtype=strict.float64)
    params["mean_square"] = strict.ones(3, dtype=strict.float64)
    params["divergence"] = strict.ones(3, dtype=strict.float64)
    params["second_moment"] = strict.ones(3, dtype=strict.float64)
    for name in ("latent_spread", "total_variation", "test_loss"):
        quantities[name] = quantities["elbo"]
    for reference in (shared, {"x": SKEW.draw(STREAMS, 0, "heldout", 50)["x"].astype(dtype)}):
        rarity = strict.asarray(np.linspace(0.0, 1.0, 180).reshape(3, 60))
        view = View(params, truth, put(samples), put(reference), quantities, rarity)
        found = METRICS[name].measure(strict, view)
        assert found.shape == (3,)
        assert bool(strict.all(strict.isfinite(found)))

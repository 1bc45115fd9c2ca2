"""Correctors: what they do to samples, the share they report, what they refuse."""

from __future__ import annotations

import array_api_compat.numpy as xp
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
from recurse.numerics.streams import Streams
from recurse.policies.accumulate_subsample import AccumulateSubsample
from recurse.policies.replace import Replace
from recurse.sources.digits import Digits
from recurse.sources.linear_regression import LinearRegression
from recurse.spec import kinds
from tests.closed_arms import SKEW, normal
from tests.harness import change, operations, simulate
from tests.statistics_checks import z_test

STREAMS = Streams(range(6))
NONE = NoCorrector()
EXAMPLES: dict[str, Corrector] = {
    "none": NoCorrector(),
    "kmeans": KMeans(),
    "oracle": Oracle(gamma=1.0),
    "edit_labels": EditLabels(share=0.5),
    "verifier": Verifier(reference=Reference(tolerance=1.5)),
    "curation": Curation(k=3, direction=(1.0, 0.0, -0.5)),
    "detector": Detector(auc=0.8),
    "unlearn": Unlearn(),
    "watermark": Watermark(tpr=0.9, fpr=0.1),
}


def test_every_corrector_names_the_origin_of_its_information() -> None:
    assert EXAMPLES.keys() == kinds("corrector").keys()
    origins = {name: corrector.origin for name, corrector in EXAMPLES.items()}
    assert origins == {
        "none": "nothing",
        "kmeans": "real sample",
        "oracle": "true distribution",
        "edit_labels": "nothing",
        **dict.fromkeys(
            ("verifier", "curation", "detector", "watermark", "unlearn"), "external verifier"
        ),
    }


def test_oracle_replaces_whole_samples_with_the_stated_probability() -> None:
    oracle, streams = Oracle(gamma=1 / 3), Streams(range(2000))
    draws = oracle.draws(streams, SKEW, 1, 8)
    batch = {"x": np.full((2000, 8, 3), 99.0)}
    corrected, share = oracle.correct(xp, batch, Prepared({}, {}, {}), draws)
    kept = (corrected.fields["x"] == 99.0).all(axis=2)
    assert np.array_equal(kept, (corrected.fields["x"] == 99.0).any(axis=2))
    assert np.array_equal(share, 1 - kept.mean(axis=1))
    assert z_test(share, 0.25) < 0.03
    # What is put in follows the source, and says nothing of which samples were picked.
    replaced = corrected.fields["x"][~kept]
    assert np.all(z_test(replaced, SKEW.center) < 0.2)
    assert np.all(z_test((replaced - SKEW.center) ** 2, np.diagonal(SKEW.matrix)) < 0.35)


def test_oracle_draws_are_new_in_every_generation() -> None:
    oracle = Oracle(gamma=1.0)
    first, second = (oracle.draws(STREAMS, SKEW, g, 20) for g in (1, 2))
    assert not np.array_equal(first["pick"], second["pick"])
    assert not np.intersect1d(first["x"], second["x"]).size
    real = SKEW.draw(STREAMS, 1, "real", 20)["x"]
    assert not np.intersect1d(first["x"], real).size


def test_strength_zero_is_no_corrector() -> None:
    plain = normal(Replace(), generations=5)
    zero = normal(Replace(), generations=5, corrector=Oracle(gamma=0.0))
    left, right = simulate(plain, 3, False), simulate(zero, 3, False)
    assert np.array_equal(left["w2"], right["w2"])
    assert np.all(right["corrected_share"][1:] == 0)


def test_oracle_gives_labels_their_type() -> None:
    source, oracle = Digits(), Oracle(gamma=1.0)
    draws = oracle.draws(STREAMS, source, 1, 10)
    batch = source.draw(STREAMS, 1, "batch", 10)
    corrected, _ = oracle.correct(xp, batch, Prepared({}, {}, {}), draws)
    assert {k: v.dtype for k, v in corrected.fields.items()} == {
        k: v.dtype for k, v in batch.items()
    }
    rows = corrected.fields["image"].reshape(60, -1)
    pick = draws["pick"].reshape(-1)
    assert np.array_equal(rows[pick], draws["image"].reshape(60, -1)[pick])
    assert np.array_equal(
        corrected.fields["label"].reshape(-1)[~pick], batch["label"].reshape(-1)[~pick]
    )


@pytest.mark.parametrize("strength", [1.0, 0.25])
def test_kmeans_moves_to_the_nearest_centroid(strength: float) -> None:
    kmeans = KMeans(clusters=4, strength=strength)
    real, batch = (SKEW.draw(STREAMS, 0, purpose, 60) for purpose in ("real", "batch"))
    prepared = kmeans.prepare(STREAMS, SKEW, real)
    assert prepared["centroids"].shape == (6, 4, 3)
    corrected, share = kmeans.correct(xp, batch, Prepared(prepared, {}, {}), {})
    gaps = batch["x"][:, :, None] - prepared["centroids"][:, None]
    nearest = np.argmin((gaps**2).sum(axis=-1), axis=-1)
    target = np.take_along_axis(prepared["centroids"], nearest[..., None], axis=1)
    expected = batch["x"] + strength * (target - batch["x"])
    np.testing.assert_allclose(corrected.fields["x"], expected, rtol=1e-12)
    assert share.tolist() == [1.0] * 6


def test_kmeans_keeps_to_the_class_of_a_sample() -> None:
    kmeans, source = KMeans(clusters=2), Digits()
    real, batch = (source.draw(STREAMS, 0, purpose, 90) for purpose in ("real", "batch"))
    prepared = kmeans.prepare(STREAMS, source, real)
    corrected, _ = kmeans.correct(xp, batch, Prepared(prepared, {}, {}), {})
    for r in range(6):
        for image, label in zip(corrected.fields["image"][r], batch["label"][r], strict=True):
            if label in real["label"][r]:
                own = prepared["centroids"][r][prepared["labels"][r] == label]
                assert np.min(np.abs(own - image).max(axis=1)) < 1e-6


def test_kmeans_of_real_samples_that_lack_classes() -> None:
    """Twelve digits: seeds lack classes, not as many each. A seed gets the same in any block."""
    kmeans, source, seeds = KMeans(clusters=2), Digits(), (*range(6), 40)
    real, batch = (source.draw(Streams(seeds), 0, part, n) for part, n in (("real", 12), ("b", 90)))
    classes = [set(labels.tolist()) for labels in real["label"]]
    assert len({len(found) for found in classes}) > 1
    prepared = kmeans.prepare(Streams(seeds), source, real)
    corrected, _ = kmeans.correct(xp, batch, Prepared(prepared, {}, {}), {})
    for r, seed in enumerate(seeds):
        own, labels = prepared["centroids"][r], prepared["labels"][r]
        assert set(labels.tolist()) == classes[r]
        for image, label, moved in zip(
            batch["image"][r], batch["label"][r], corrected.fields["image"][r], strict=True
        ):
            near = own[labels == label] if label in classes[r] else own
            nearest = near[np.argmin(((near - image) ** 2).sum(axis=1))]
            np.testing.assert_allclose(moved, nearest, atol=1e-5)
        one = Streams((seed,))
        alone = kmeans.prepare(
            one, source, {name: values[r : r + 1] for name, values in real.items()}
        )
        single, _ = kmeans.correct(
            xp, {k: v[r : r + 1] for k, v in batch.items()}, Prepared(alone, {}, {}), {}
        )
        np.testing.assert_allclose(
            single.fields["image"][0], corrected.fields["image"][r], atol=1e-6
        )


def test_kmeans_centroids_are_means_of_the_real_sample() -> None:
    kmeans = KMeans(clusters=1)
    real = SKEW.draw(STREAMS, 0, "real", 40)
    prepared = kmeans.prepare(STREAMS, SKEW, real)
    np.testing.assert_allclose(prepared["centroids"][:, 0], real["x"].mean(axis=1), rtol=1e-12)


def test_refusals() -> None:
    source = LinearRegression(dim=2)
    assert "regression" in str(KMeans().refusal(source, ("x", "y")))
    for corrector in (c for c in EXAMPLES.values() if not (c.keeps or c.marks)):
        assert corrector.refusal(SKEW, ("x",)) is None


@pytest.mark.parametrize(
    "corrector",
    [KMeans(clusters=3, strength=0.5), Oracle(gamma=1.0), EXAMPLES["verifier"]],
    ids=repr,
)
def test_the_loop_corrects_once(corrector: Corrector) -> None:
    """Synthetic pools are the model's samples under one application of the corrector."""
    arm = normal(AccumulateSubsample(), corrector=corrector)
    plain, corrected = (operations(a, range(6)) for a in (change(arm, corrector=NONE), arm))
    assert all(ops.real(24) for ops in (plain, corrected))
    params = {k: np.array(v) for k, v in SKEW.truth(STREAMS).items()}
    samples, _ = plain.synthesise(1, params, 10)
    found, recorded = corrected.synthesise(1, params, 10)
    prepared = corrector.prepare(STREAMS, SKEW, SKEW.draw(STREAMS, 0, "real", 24))
    draws = corrector.draws(STREAMS, SKEW, 1, 10)
    expected, share = corrector.correct(xp, samples.fields, Prepared(prepared, {}, {}), draws)
    for name, values in expected.fields.items():
        np.testing.assert_array_equal(found.fields[name], values)
    np.testing.assert_array_equal(recorded["corrected_share"], share)

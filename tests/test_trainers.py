"""Trainers: one objective, one optimiser and one sampler on every backend, replicates apart.

Parametrised over the neural families of ``tests.neural_arms`` and the backends with a trainer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.backend import backends
from recurse.families.neural import Neural
from recurse.families.training import Average
from recurse.samplers.none import NoSampler
from recurse.spec import kinds
from tests import reference
from tests.given_noise import given, inject
from tests.neural_arms import (
    ARMS,
    BATCH,
    FAMILIES,
    SEEDS,
    TRAINERS,
    drawn,
    host,
    one_batch,
    put,
    steps,
    trained,
    trainer,
    weights,
)

PAIRS = [(family, backend) for family in FAMILIES for backend in TRAINERS]
FEW = [
    (name, backend)
    for name, backend in PAIRS
    if not backends()[backend].compiles or name == FAMILIES[name][0].kind
]
"""Where programs are compiled, one arm of each kind is enough for what is the trainer's own."""
RATES = np.array([0.011, 0.023, 0.017])


FULL = {"clip": 0.5, "weight_decay": 0.1, "average": {"decay": 0.9}}


def setting(name: str, **train: Any) -> tuple[Neural[Any], Any]:
    """A family with its source, its training changed."""
    family, source = FAMILIES[name]
    return trained(family, **train), source


def advanced(
    backend: str,
    family: Neural[Any],
    source: Any,
    model: dict[str, NDArray[Any]],
    batches: dict[str, NDArray[Any]],
    seeds: tuple[int, ...] = SEEDS,
    first: int = 0,
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64]]:
    """The model after a step for each batch, and the losses."""
    one = trainer(backend, family, source, seeds)
    count = len(next(iter(batches.values())))
    rates = np.resize(RATES, count)
    state, losses = one.advance(one.begin(put(backend, model)), 0, first, batches, rates)
    return host(backend, one.model(state)), losses


def close(found: NDArray[Any], expected: NDArray[Any], tolerance: float, name: str = "") -> None:
    """Equal up to a tolerance of the largest number of each replicate."""
    scale = np.abs(expected).reshape(len(expected), -1).max(axis=1)
    away = np.abs(found - expected).reshape(len(expected), -1).max(axis=1)
    assert (away <= tolerance * np.maximum(scale, 1e-12)).all(), (name, away / scale)


def moments(model: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A model in the middle of a training: running means after seven steps, and an average."""
    generator = np.random.default_rng(7)
    found = dict(model)
    for name, value in model.items():
        noise = generator.standard_normal((3, *value.shape)).astype(np.float32)
        found[f"first/{name}"] = 1e-2 * noise[0]
        found[f"second/{name}"] = 1e-3 * (0.5 + noise[1] ** 2)
        found[f"average/{name}"] = value + 0.1 * noise[2]
    return {**found, "steps": np.full(len(value), 7.0, np.float32)}


def test_every_neural_family_has_an_arm() -> None:
    neural = {name for name, kind in kinds("model").items() if issubclass(kind, Neural)}
    assert neural == {arm.model.kind for arm in ARMS.values()}
    assert all(name.startswith(arm.model.kind) for name, arm in ARMS.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    """In double precision, along three directions, for every replicate: relative 1e-5."""
    family, source = FAMILIES[name]
    model = {k: v.astype(np.float64) for k, v in weights(family, source).items()}
    batch = one_batch(family, source)
    noise = given(family.noise(source), len(SEEDS), BATCH)
    _, slopes = reference.loss(family, source, model, batch, noise)
    assert slopes.keys() == model.keys()
    generator, h = np.random.default_rng(3), 1e-6
    for _ in range(3):
        way = {k: generator.standard_normal(v.shape) for k, v in model.items()}
        sides = [
            reference.loss(family, source, {k: v + s * h * way[k] for k, v in model.items()},
                           batch, noise)[0]
            for s in (1.0, -1.0)
        ]  # fmt: skip
        along = np.sum(
            [(v * way[k]).reshape(len(SEEDS), -1).sum(axis=1) for k, v in slopes.items()], axis=0
        )
        np.testing.assert_allclose((sides[0] - sides[1]) / (2 * h), along, rtol=1e-5)


@pytest.mark.parametrize("backend", TRAINERS)
def test_the_first_step_of_a_plain_training(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From given weights, batch and noise, against double precision: relative 1e-5."""
    inject(monkeypatch)
    family, source = setting("vae")
    model, batch = weights(family, source), one_batch(family, source)
    noise = given(family.noise(source), len(SEEDS), BATCH, step=2)
    expected, slopes = reference.loss(family, source, model, batch, noise)
    batches = {k: v[None] for k, v in batch.items()}
    found, losses = advanced(backend, family, source, model, batches, first=2)
    close(losses[0][:, None], expected[:, None], 1e-5)
    b1, b2 = family.train.betas
    for key, slope in slopes.items():
        close(found[f"first/{key}"] / (1 - b1), slope, 1e-5, key)
        close(found[f"second/{key}"] / (1 - b2), slope**2, 2e-5, key)
    after = reference.adam(family.train, model, slopes, 1, RATES[0])
    for key in model:
        # The first step of Adam is the sign of the gradient, but where that is rounding.
        sure = np.abs(slopes[key]) > 1e-4 * np.abs(slopes[key]).max()
        np.testing.assert_allclose(found[key][sure], after[key][sure], atol=1e-6)
    assert found.keys() == {*model, *(f"{m}/{k}" for m in ("first", "second") for k in model),
                            "steps"}  # fmt: skip
    assert found["steps"].tolist() == [1.0] * len(SEEDS)


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_one_step_from_given_moments(
    name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss and gradient with weighed samples, clipping, decay and averaging, by hand in double
    precision: relative 1e-5."""
    inject(monkeypatch)
    family, source = setting(name)
    plain = weights(family, source)
    model, batch = moments(plain), one_batch(family, source)
    generator = np.random.default_rng(1)
    batch["weight"] = generator.gamma(1.0, size=(len(SEEDS), BATCH)).astype(np.float32)
    noise = given(family.noise(source), len(SEEDS), BATCH, step=5)
    expected, slopes = reference.loss(family, source, model, batch, noise)
    lengths = reference.norms(slopes)
    clip = float(np.sort(lengths)[1:3].mean())  # two replicates are let through
    family = trained(
        family,
        clip=clip,
        weight_decay=0.3,
        betas=(0.85, 0.97),
        average=Average(decay=0.8).model_dump(),
    )
    after = reference.adam(family.train, model, slopes, 8, RATES[0])
    batches = {k: v[None] for k, v in batch.items()}
    found, losses = advanced(backend, family, source, model, batches, first=5)
    close(losses[0][:, None], expected[:, None], 1e-5)
    assert found["steps"].tolist() == [8.0] * len(SEEDS)
    assert found.keys() == {*after, "steps"}
    for key, value in after.items():
        close(found[key], value, 1e-5, key)
    b1, cut = family.train.betas[0], np.minimum(1.0, clip / lengths)
    for key, slope in slopes.items():
        seen = (found[f"first/{key}"] - b1 * model[f"first/{key}"]) / (1 - b1)
        # Angles of a time are up to 1000 and in float32.
        close(seen, slope * cut.reshape(-1, *(1,) * (slope.ndim - 1)), 1e-4, key)
    # What the step changed is right too, not only what it left as it was.
    for key in plain:
        np.testing.assert_allclose(
            found[key] - plain[key], after[key] - plain[key], atol=2e-6, err_msg=key
        )


@pytest.mark.parametrize(("name", "backend"), PAIRS)
def test_samples_and_scores_from_given_noise(
    name: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against double precision, 1e-5; integers are the same."""
    inject(monkeypatch)
    family, source = FAMILIES[name]
    model, data = weights(family, source), drawn(family, source, n=11)
    one, placed = trainer(backend, family, source), put(backend, weights(family, source))
    found = one.sample(placed, 1, "synthetic", 0, 7, NoSampler())
    expected = reference.sample(family, source, model, 7)
    assert found.keys() == expected.keys() == family.fields(source).keys()
    for key, values in expected.items():
        assert found[key].shape == (len(SEEDS), 7, *family.fields(source)[key])
        if values.dtype.kind == "f":
            assert found[key].dtype == np.float32
            np.testing.assert_allclose(found[key], values, rtol=1e-5, atol=1e-5)
        else:
            assert found[key].dtype == values.dtype
            np.testing.assert_array_equal(found[key], values)
    for quantity in family.quantities:
        scores = one.score(placed, 1, quantity, 0, data)
        wanted = reference.score(family, source, model, quantity, data)
        assert scores.dtype == np.float64 and scores.shape[:2] == (len(SEEDS), 11)
        np.testing.assert_allclose(scores, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "backend"), FEW)
def test_a_replicate_does_not_depend_on_its_place(name: str, backend: str) -> None:
    """At another place of a block of the same width it has the same bits."""
    family, source = setting(name, **FULL)
    model, batches = weights(family, source), steps(family, drawn(family, source, n=40), 6)
    block, losses = advanced(backend, family, source, model, batches)
    places = [4, 2, 0, 3, 1]
    moved, moved_losses = advanced(
        backend,
        family,
        source,
        {k: v[places] for k, v in model.items()},
        {k: v[:, places] for k, v in batches.items()},
        tuple(SEEDS[place] for place in places),
    )
    np.testing.assert_array_equal(moved_losses, losses[:, places])
    for key, value in block.items():
        np.testing.assert_array_equal(moved[key], value[places], err_msg=key)


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_replicate_alone_differs_by_rounding(backend: str) -> None:
    family, source = setting("vae", **FULL)
    model, batches = weights(family, source), steps(family, drawn(family, source, n=40), 6)
    block, losses = advanced(backend, family, source, model, batches)
    alone, alone_losses = advanced(
        backend,
        family,
        source,
        {k: v[2:3] for k, v in model.items()},
        {k: v[:, 2:3] for k, v in batches.items()},
        (SEEDS[2],),
    )
    np.testing.assert_allclose(alone_losses[:, 0], losses[:, 2], rtol=1e-4)
    for key in model:
        # Adam divides by what may be rounding; no weight is off by more than a part of its way.
        away = np.abs(alone[key][0] - block[key][2])
        assert away.max() < 0.5 * RATES.sum() and np.median(away) < 1e-5, key


@pytest.mark.parametrize(("name", "backend"), FEW)
def test_samples_and_scores_do_not_depend_on_the_others(name: str, backend: str) -> None:
    family, source = FAMILIES[name]
    places, model = [4, 2, 0, 3, 1], weights(family, source)
    one = trainer(backend, family, source)
    two = trainer(backend, family, source, tuple(SEEDS[place] for place in places))
    there, here = put(backend, {k: v[places] for k, v in model.items()}), put(backend, model)
    block = one.sample(here, 1, "synthetic", 0, 7, NoSampler())
    for key, value in two.sample(there, 1, "synthetic", 0, 7, NoSampler()).items():
        np.testing.assert_array_equal(value, block[key][places])
    data = drawn(family, source, n=11)
    for quantity in family.quantities:
        scores = one.score(here, 1, quantity, 0, data)
        moved = two.score(there, 1, quantity, 0, {k: v[places] for k, v in data.items()})
        np.testing.assert_array_equal(moved, scores[places])


@pytest.mark.parametrize(("name", "backend"), FEW)
def test_nan_stays_in_its_replicate(name: str, backend: str) -> None:
    """The others have the same bits as without it."""
    family, source = setting(name, **FULL)
    model, batches = weights(family, source), steps(family, drawn(family, source, n=40), 6)
    clean, losses = advanced(backend, family, source, model, batches)
    hurt = {k: v.copy() for k, v in batches.items()}
    for values in hurt.values():
        if values.dtype.kind == "f":
            values[2, 3] = np.nan
    found, hurt_losses = advanced(backend, family, source, model, hurt)
    assert np.isfinite(losses).all()
    assert np.argwhere(~np.isfinite(hurt_losses)).tolist() == [[2, 3], [3, 3], [4, 3], [5, 3]]
    np.testing.assert_array_equal(np.delete(hurt_losses, 3, 1), np.delete(losses, 3, 1))
    assert any(np.isnan(value[3]).any() for value in found.values())
    for key, value in found.items():
        np.testing.assert_array_equal(np.delete(value, 3, 0), np.delete(clean[key], 3, 0))


@pytest.mark.parametrize(("name", "backend"), FEW)
def test_a_training_goes_on_from_its_model_with_the_same_bits(name: str, backend: str) -> None:
    """Also through NumPy, in a new trainer, in the middle of a fit."""
    family, source = setting(name, **FULL)
    model, batches = weights(family, source), steps(family, drawn(family, source, n=40), 6)
    one = trainer(backend, family, source)
    state, rates = one.begin(put(backend, model)), np.resize(RATES, 6)
    halves = [{k: v[i : i + 3] for k, v in batches.items()} for i in (0, 3)]
    state, first = one.advance(state, 0, 0, halves[0], rates[:3])
    kept = host(backend, one.model(state))
    state, second = one.advance(state, 0, 3, halves[1], rates[3:])
    two = trainer(backend, family, source)
    again = two.begin(put(backend, kept))
    again, repeated = two.advance(again, 0, 3, halves[1], rates[3:])
    np.testing.assert_array_equal(repeated, second)
    assert not np.array_equal(first, second)
    expected = host(backend, one.model(state))
    for key, value in host(backend, two.model(again)).items():
        np.testing.assert_array_equal(value, expected[key], err_msg=key)


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_training_leaves_its_start_and_its_data_alone(backend: str) -> None:
    family, source = setting("vae", **FULL)
    model = moments(weights(family, source))
    batches = steps(family, drawn(family, source, n=40), 4)
    for values in batches.values():
        values.flags.writeable = False
    placed = put(backend, {k: v.copy() for k, v in model.items()})
    one = trainer(backend, family, source)
    state, _ = one.advance(one.begin(placed), 0, 0, batches, np.resize(RATES, 4))
    for key, value in host(backend, placed).items():
        np.testing.assert_array_equal(value, model[key], err_msg=key)
    taken = one.model(state)
    copied = {k: v.copy() for k, v in host(backend, taken).items()}
    one.advance(state, 0, 4, batches, np.resize(RATES, 4))
    for key, value in host(backend, taken).items():
        np.testing.assert_array_equal(value, copied[key], err_msg=key)


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_broken_replicate_does_not_count_the_steps_of_the_others(backend: str) -> None:
    """Where a broken model was set to zero, so was its count of steps."""
    family, source = setting("vae", **FULL)
    model, batches = moments(weights(family, source)), steps(family, drawn(family, source, n=40), 3)
    clean, _ = advanced(backend, family, source, model, batches)
    mended = {k: np.concatenate([np.zeros_like(v[:1]), v[1:]]) for k, v in model.items()}
    found, _ = advanced(backend, family, source, mended, batches)
    for key, value in found.items():
        np.testing.assert_array_equal(value[1:], clean[key][1:], err_msg=key)


@pytest.mark.parametrize(("name", "backend"), FEW)
def test_noise_is_new_in_every_step_and_named(name: str, backend: str) -> None:
    """Losses of one batch under weights that stand still differ, also in another generation."""
    family, source = setting(name, **FULL)
    one, model = trainer(backend, family, source), put(backend, weights(family, source))
    batches = steps(family, drawn(family, source), 3)  # three times the same
    still = np.zeros(3)

    def losses(generation: int, first: int) -> NDArray[np.float64]:
        return one.advance(one.begin(model), generation, first, batches, still)[1]

    found = losses(0, 0)
    assert len(np.unique(found)) == found.size
    np.testing.assert_array_equal(losses(0, 0), found)
    for other in (losses(1, 0), losses(0, 64)):
        assert not np.isin(other, found).any()
    drawn_ = [
        one.sample(model, *place, 7, NoSampler())
        for place in ((1, "synthetic", 0), (1, "synthetic", 1), (2, "synthetic", 0),
                      (1, "evaluation", 0), (1, "synthetic", 0))
    ]  # fmt: skip
    for values in (each[next(iter(each))] for each in drawn_[1:4]):
        assert not np.array_equal(values, drawn_[0][next(iter(drawn_[0]))])
    for key, value in drawn_[4].items():
        np.testing.assert_array_equal(value, drawn_[0][key])


@pytest.mark.parametrize("backend", TRAINERS)
def test_seeds_that_agree_in_32_bits_have_noise_of_their_own(backend: str) -> None:
    family, source = FAMILIES["vae"]
    seeds = (3, (1 << 32) + 3, 2, 1, 0)
    model = {k: np.repeat(v[:1], 5, axis=0) for k, v in weights(family, source).items()}
    one = trainer(backend, family, source, seeds)
    found = one.sample(put(backend, model), 1, "s", 0, 7, NoSampler())
    assert not np.array_equal(found["image"][0], found["image"][1])


def test_the_global_torch_generator_is_not_used() -> None:
    import torch

    before = torch.random.get_rng_state()
    family, source = FAMILIES["flow_matching"]
    model = weights(family, source)
    advanced("torch", family, source, model, steps(family, drawn(family, source), 2))
    trainer("torch", family, source).sample(put("torch", model), 1, "s", 0, 7, NoSampler())
    assert torch.equal(torch.random.get_rng_state(), before)

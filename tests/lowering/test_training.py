"""One fit: batch order, learning rates, what is kept of a model, and a fit that was stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.families.neural import Neural
from recurse.families.training import Training as Settings
from recurse.lowering.shelves import Stretch, TrainingSet
from recurse.lowering.supervisor import Alone, Fit, Step
from recurse.lowering.training import Order, Training, averaged
from recurse.nets import initial
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.scenario.scenario import Arm, Samples
from tests.harness import change, operations, runtime, simulate
from tests.neural_arms import ARMS, SEEDS, TRAINERS, host, put, trainer

R = len(SEEDS)
ARM = ARMS["vae"]


class Fake:
    """A trainer that counts steps in its weights and writes down what it is asked."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.seen: list[Any] = []

    def begin(self, model: Any) -> Any:
        return {**model, "steps": model.get("steps", np.zeros(R))}

    def advance(
        self, state: Any, generation: int, first: int, batches: Any, rates: NDArray[np.float64]
    ) -> Any:
        self.rates += rates.tolist()
        self.seen += list(batches["x"][..., 0])
        count = len(rates)
        losses = np.arange(first, first + count)[:, None] + 100.0 * np.arange(R)
        return {**state, "steps": state["steps"] + count}, losses

    def model(self, state: Any) -> Any:
        return {**state, "w": np.ones(R), "average/w": 2 * np.ones(R), "first/w": np.ones(R),
                "second/w": np.ones(R)}  # fmt: skip


def numbered(n: int, first: int = 0) -> TrainingSet:
    """Samples that are their own numbers."""
    x = np.broadcast_to(np.arange(first, first + n, dtype=np.float32)[:, None], (R, n, 1))
    return TrainingSet([Stretch({"fields/x": np.array(x)}, n, 1.0)], None)


def loop(train: Settings, generations: int = 2) -> Arm:
    model = ARM.model.model_copy(update={"train": train})
    return change(ARM, model=model, generations=generations, samples=Samples(real=40, synthetic=20))


def fits(arm: Arm, fake: Fake | None = None, supervisor: Any = None) -> tuple[Training, Fake]:
    fake = fake or Fake()
    made = Training(arm, Streams(SEEDS), runtime("numpy"), fake, supervisor or Alone())  # type: ignore[arg-type]
    return made, fake


def test_every_epoch_is_a_permutation_of_its_own() -> None:
    """For every replicate, generation and epoch; a last incomplete batch is left out."""
    order, n, batch = Order(Streams(SEEDS), 3, 43, 10), 43, 10
    places = order.places(0, 8).reshape(2, 4, R, batch)
    seen = [places[e, :, r].ravel() for e in range(2) for r in range(R)]
    for each in seen:
        assert len(np.unique(each)) == 40 and each.min() >= 0 and each.max() < n
    assert len({tuple(each) for each in seen}) == 2 * R
    left = [set(range(n)) - set(each.tolist()) for each in seen]
    assert len({tuple(sorted(each)) for each in left}) > R, "always the same are left out"
    # From any step on, in calls of any length, in any other block, it is the same order.
    for first, count in ((5, 3), (0, 1), (3, 2), (7, 1)):
        again = Order(Streams(SEEDS), 3, 43, 10).places(first, count)
        np.testing.assert_array_equal(again, places.reshape(8, R, batch)[first : first + count])
    np.testing.assert_array_equal(order.places(2, 1), places[0, 2:3])  # and back
    alone = Order(Streams([3]), 3, 43, 10).places(0, 8)
    np.testing.assert_array_equal(alone[:, 0], places.reshape(8, R, batch)[:, 3])
    assert not np.array_equal(Order(Streams(SEEDS), 4, 43, 10).places(0, 8)[:4], places[0])


def test_an_order_is_uniform() -> None:
    """The sample that comes first is each with the same probability (level 1e-6)."""
    from tests.statistics_checks import z_test

    first = Order(Streams(range(4000)), 0, 5, 2).places(0, 1)[0, :, 0]
    assert (z_test(first[:, None] == np.arange(5), np.full(5, 0.2)) < 0.05).all()


@pytest.mark.parametrize("over", ["fit", "loop"])
@pytest.mark.parametrize("budget", [{"epochs": 2}, {"steps": 7}])
def test_rates_of_a_loop_by_hand(over: Any, budget: dict[str, int]) -> None:
    """Accumulate 40, 60, 80: 8, 12, 16 steps of two epochs, one line down to zero or three."""
    train = Settings(batch=10, learning_rate=0.4, schedule="linear", warmup=1, over=over, **budget)
    training, fake = fits(loop(train))
    found = []
    for generation, size in enumerate((40, 60, 80)):
        fake.rates.clear()
        training.fit(generation, numbered(size), {})
        found.append(list(fake.rates))
    lengths = [8, 12, 16] if "epochs" in budget else [7, 7, 7]
    assert [len(rates) for rates in found] == lengths

    def line(total: int) -> list[float]:
        return [0.2, *(0.4 * (1 - k / (total - 1)) for k in range(total - 1))]

    lines = [line(sum(lengths))] if over == "loop" else [line(length) for length in lengths]
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(lines), rtol=1e-12)


def test_batches_are_in_order_and_the_loss_is_that_of_the_last_epoch() -> None:
    train = Settings(batch=10, epochs=3)
    training, fake = fits(loop(train))
    _, loss = training.fit(1, numbered(43, first=500), {})
    places = Order(Streams(SEEDS), 1, 43, 10).places(0, 12)
    np.testing.assert_array_equal(np.array(fake.seen), 500 + places)
    np.testing.assert_allclose(loss, (8 + 9 + 10 + 11) / 4 + 100.0 * np.arange(R))
    _, short = fits(loop(Settings(batch=10, steps=2)))[0].fit(0, numbered(43), {})
    np.testing.assert_allclose(short, 0.5 + 100.0 * np.arange(R))


@pytest.mark.parametrize("carry", [True, False])
def test_the_means_of_the_optimiser_are_kept_only_if_they_are_carried(carry: bool) -> None:
    training, _ = fits(loop(Settings(batch=10, steps=3, carry=carry)))
    model, _ = training.fit(0, numbered(40), {})
    kept = {"first/w", "second/w", "steps"} if carry else set()
    assert model.keys() == {"w", "average/w"} | kept


def test_what_samples_and_a_warm_start_come_from() -> None:
    model = {"w": 1, "average/w": 2, "first/w": 3, "second/w": 4, "steps": 5}
    assert averaged(model) == {"w": 2}
    for samples in (True, False):
        for start in (True, False):
            average = {"decay": 0.9, "samples": samples, "start": start}
            train = Settings.model_validate({"batch": 10, "average": average})
            training, _ = fits(loop(train))
            assert training.served(model)["w"] == (2 if samples else 1)
            assert training.continued(model) == {**model, "w": 2 if start else 1}
    plain, _ = fits(loop(Settings(batch=10)))
    assert plain.served(model)["w"] == 1 and plain.continued(model) == model


class Keeping(Alone):
    """Keeps what a fit hands on at every call, and stops it at one of them."""

    def __init__(self, stop: int | None = None, kept: Fit | None = None) -> None:
        super().__init__()
        self.calls: list[tuple[int, int, int]] = []
        self.stop, self.kept = stop, kept

    def unfinished(self, generation: int) -> Fit | None:
        return self.kept

    def step(self, step: Step) -> None:
        _, done, total, losses, arrays = step
        assert losses.shape[1] == R
        self.calls.append((done - len(losses), done, total))
        if done == self.stop:
            self.kept = Fit(done, {k: v.copy() for k, v in arrays().items()})
            raise InterruptedError


def trained(backend: str, settings: Settings, supervisor: Any) -> Any:
    """The model of a fit of one generation, and its loss."""
    arm = loop(settings)
    assert isinstance(arm.model, Neural)
    model = arm.model
    one = trainer(backend, model)
    training = Training(arm, Streams(SEEDS), runtime(backend), one, supervisor)
    real = arm.source.draw(Streams(SEEDS), 0, "real", 40)["image"].astype(np.float32)
    data = TrainingSet([Stretch({"fields/image": real}, 40, 1.0)], None)
    start = put(backend, initial(model.weights(arm.source), Streams(SEEDS), 1))
    found, loss = training.fit(1, data, start)
    return host(backend, found), loss


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_fit_that_was_stopped_goes_on_with_the_same_bits(backend: str) -> None:
    """In the middle of an epoch, and in the last one, whose loss is reported."""
    settings = Settings.model_validate(
        {"batch": 13, "epochs": 43, "average": {"decay": 0.9}, "carry": True, "clip": 0.5,
         "schedule": "cosine"}
    )  # fmt: skip
    calm = Keeping()
    expected, loss = trained(backend, settings, calm)
    assert calm.calls == [(0, 64, 129), (64, 128, 129), (128, 129, 129)]
    for stop in (64, 128):
        broken = Keeping(stop=stop)
        with pytest.raises(InterruptedError):
            trained(backend, settings, broken)
        after = Keeping(kept=broken.kept)
        found, again = trained(backend, settings, after)
        assert after.calls[0][0] == stop
        np.testing.assert_array_equal(again, loss)
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("backend", TRAINERS)
def test_a_kept_fit_of_another_block_is_passed_over(backend: str) -> None:
    """Of another width, of other weights, or with more steps than there are."""
    settings = Settings(batch=13, steps=6)
    expected, loss = trained(backend, settings, Alone())
    whole = {**expected, "loss": np.zeros(R)}
    for kept in (
        Fit(3, {k: v[:1] for k, v in whole.items()}),
        Fit(3, {"loss": np.zeros(R), "other": np.zeros((R, 2))}),
        Fit(7, whole),
        Fit(3, expected),
    ):
        found, again = trained(backend, settings, Keeping(kept=kept))
        np.testing.assert_array_equal(again, loss)
        for name, value in expected.items():
            np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("backend", TRAINERS)
def test_generations_differ_as_start_and_average_say(backend: str) -> None:
    """With a rate of almost nothing a model is where it began: at the last one, or anew."""
    still = {"batch": 13, "steps": 2, "learning_rate": 1e-9, "average": {"decay": 0.5}}
    arm = change(
        ARM,
        model=ARM.model.model_copy(update={"train": Settings.model_validate(still)}),
        backend=backend,
    )
    for start in ("scratch", "warm"):
        kept = simulate(change(arm, start=start), SEEDS, keep=(0, 1)).saved
        for name in ("encoder.layers.0.weight", "average/encoder.layers.0.weight"):
            away = np.abs(kept[0].params[name] - kept[1].params[name]).max()
            assert away < 1e-6 if start == "warm" else away > 1e-2


def test_jax_compiles_once_per_shape_for_a_whole_loop() -> None:
    """Under accumulate no generation after the first two compiles anything."""
    from recurse_jax import runtime as jax_runtime

    arm = change(
        ARM,
        backend="jax",
        generations=6,
        policy=Accumulate(),
        model=ARM.model.model_copy(update={"train": Settings(batch=13, epochs=30)}),
    )
    ops, counts = operations(arm, (0, 1)), []
    measure = ops.measure

    def counted(generation: int, params: Any) -> Any:
        found = measure(generation, params)
        counts.append(len(jax_runtime._LOADED))
        return found

    ops.measure = counted  # type: ignore[method-assign]
    before = len(jax_runtime._LOADED)
    simulate(arm, (0, 1), ops=ops)
    assert before < counts[0], "nothing was counted"
    assert counts[1:] == [counts[1]] * 6

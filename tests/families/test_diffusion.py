"""Diffusion against the closed forms of its papers, with nets that know the answer, in NumPy."""

from __future__ import annotations

from typing import Any

import array_api_compat.numpy as xp
import numpy as np
import pytest
from numpy.typing import NDArray

from recurse.families.diffusion import Diffusion
from recurse.families.flow_matching import FlowMatching
from recurse.samplers.guidance import Guidance
from recurse.sources.digits import Digits
from recurse.sources.moons import Moons

R, N = 2, 9
GENERATOR = np.random.default_rng(8)
X, EPS, NEW = GENERATOR.standard_normal((3, R, N, 2)).astype(np.float32)
PREDICTED = ("noise", "velocity", "data")


def answer(predicts: str, abar: Any, x: Any, eps: Any) -> Any:
    """What a net that knows both says."""
    a, b = np.sqrt(abar), np.sqrt(1 - abar)
    return {"noise": eps, "data": x, "velocity": a * eps - b * x}[predicts]


def test_shares_of_noise() -> None:
    """DDPM's betas at 1000 times; any betas; the cosine of Nichol and Dhariwal."""
    ddpm = np.cumprod(1.0 - np.linspace(1e-4, 0.02, 1000))
    np.testing.assert_allclose(Diffusion(times=1000, schedule="linear").signal, ddpm, rtol=1e-12)
    own = Diffusion(times=3, schedule="linear", betas=(0.1, 0.3)).signal
    np.testing.assert_allclose(own, [0.9, 0.9 * 0.8, 0.9 * 0.8 * 0.7], rtol=1e-12)
    level = np.cos((np.arange(51) / 50 + 0.008) / 1.008 * np.pi / 2) ** 2
    cosine = Diffusion(times=50).signal
    np.testing.assert_allclose(cosine[:-1], level[1:-1] / level[0], rtol=1e-12)
    assert 0 < cosine[-1] < 1e-5 and (np.diff(cosine) < 0).all()


@pytest.mark.parametrize("predicts", PREDICTED)
def test_a_net_that_knows_the_answer_has_no_loss(predicts: Any) -> None:
    """It is shown the data mixed with noise, and a time from 0 to 1."""
    family = Diffusion(times=20, predicts=predicts, shift=0.3, scale=0.5)
    time = np.resize(np.arange(20), (R, N))
    abar = family.signal[time][..., None]
    scaled = (X - 0.3) / 0.5
    seen: dict[str, NDArray[Any]] = {}

    def net(x: Any, time: Any) -> Any:
        seen.update(x=x, time=time)
        return answer(predicts, abar, scaled, EPS)

    loss = family.loss(xp, {"net": net}, {"x": X}, {"noise": EPS, "time": time})
    assert loss.shape == (R, N) and np.abs(loss).max() < 1e-10
    mixed = np.sqrt(abar) * scaled + np.sqrt(1 - abar) * EPS
    np.testing.assert_allclose(seen["x"], mixed, atol=1e-6)
    np.testing.assert_allclose(seen["time"], time / 19, atol=1e-7)
    wrong = {"net": lambda x, time: answer(predicts, abar, scaled, EPS) + 0.5}
    off = family.loss(xp, wrong, {"x": X}, {"noise": EPS, "time": time})
    np.testing.assert_allclose(off, 0.25, rtol=1e-5)


@pytest.mark.parametrize("predicts", PREDICTED)
def test_a_round_is_the_posterior_of_ddpm(predicts: Any) -> None:
    """Ho et al., equations 6 and 7, in every round; the last one ends at the data."""
    family = Diffusion(times=20, predicts=predicts, schedule="linear", betas=(0.02, 0.3))
    abar = family.signal
    for index, t in enumerate(range(19, -1, -1)):
        before, beta = (abar[t - 1] if t else 1.0), 1 - abar[t] / (abar[t - 1] if t else 1.0)
        mixed = np.sqrt(abar[t]) * X + np.sqrt(1 - abar[t]) * EPS

        def net(x: Any, time: Any, t: int = t) -> Any:
            np.testing.assert_allclose(time, t / 19, atol=1e-6)
            return answer(predicts, abar[t], X, EPS)

        state = {"x": mixed, "label": np.zeros((R, N), np.int64)}
        found = family.round(xp, {"net": net}, index, state, {"noise": NEW})
        mean = np.sqrt(before) * beta / (1 - abar[t]) * X
        mean = mean + np.sqrt(1 - beta) * (1 - before) / (1 - abar[t]) * mixed
        deviation = np.sqrt(beta * (1 - before) / (1 - abar[t]))
        np.testing.assert_allclose(found["x"], mean + deviation * NEW, atol=2e-5)
    np.testing.assert_allclose(found["x"], X, atol=2e-5)


def test_ddim_adds_no_noise_and_may_take_few_steps() -> None:
    """Song et al., equation 12, at evenly spaced times."""
    family = Diffusion(times=21, steps=5, eta=0.0)
    assert family.rounds == 5 and not family.sampling(Moons()).round
    places = [20, 15, 10, 5, 0]
    for index, t in enumerate(places):
        now = family.signal[t]
        then = family.signal[places[index + 1]] if index < 4 else 1.0
        mixed = np.sqrt(now) * X + np.sqrt(1 - now) * EPS
        state = {"x": mixed, "label": np.zeros((R, N), np.int64)}
        found = family.round(xp, {"net": lambda x, time: EPS}, index, state, {})
        expected = np.sqrt(then) * X + np.sqrt(1 - then) * EPS
        np.testing.assert_allclose(found["x"], expected, atol=1e-4 / np.sqrt(now))


def test_predicted_data_are_bounded() -> None:
    family = Diffusion(times=20, steps=1, clip=0.5, eta=0.0, predicts="data")
    state = {"x": X, "label": np.zeros((R, N), np.int64)}
    found = family.round(xp, {"net": lambda x, time: 9.0 * X}, 0, state, {})
    np.testing.assert_allclose(found["x"], np.clip(9.0 * X, -0.5, 0.5), atol=1e-6)


@pytest.mark.parametrize("solver", ["euler", "heun", "midpoint"])
def test_solvers_have_the_stated_order(solver: Any) -> None:
    """For ``dx/dt = x`` a step of length h multiplies by 1 + h, of second order by h^2 / 2 more."""
    family = FlowMatching(steps=10, solver=solver)
    state = {"x": X, "label": np.zeros((R, N), np.int64)}
    for index in range(10):
        state = family.round(xp, {"net": lambda x, time: x}, index, state, {})
    step = 1.1 if solver == "euler" else 1.105
    np.testing.assert_allclose(state["x"], step**10 * X, rtol=1e-5)
    times: list[float] = []

    def net(x: Any, time: Any) -> Any:
        times.append(float(time[0, 0]))
        return x

    family.round(xp, {"net": net}, 4, state, {})
    assert times == pytest.approx(
        {"euler": [0.4], "heun": [0.4, 0.5], "midpoint": [0.4, 0.45]}[solver]
    )


def test_velocities_are_straight() -> None:
    """The target is data minus noise, at a place between both."""
    family, time = FlowMatching(shift=0.3, scale=0.5), np.linspace(0, 1, R * N).reshape(R, N)
    scaled = (X - 0.3) / 0.5

    def net(x: Any, time: Any) -> Any:
        t = time[..., None]
        np.testing.assert_allclose(x, (1 - t) * EPS + t * scaled, atol=1e-6)
        return scaled - EPS + 2.0

    loss = family.loss(xp, {"net": net}, {"x": X}, {"noise": EPS, "time": time})
    np.testing.assert_allclose(loss, 4.0, rtol=1e-5)


def test_classes_are_told_from_one_on_and_zero_is_none() -> None:
    family = FlowMatching(labels=True, dropout=0.25)
    label = np.arange(R * N).reshape(R, N) % 10
    drop = np.linspace(0, 1, R * N).reshape(R, N)
    assert family.told(xp, {"label": label}, {})["label"].tolist() == (label + 1).tolist()
    told = family.told(xp, {"label": label}, {"drop": drop})["label"]
    assert told.tolist() == np.where(drop < 0.25, 0, label + 1).tolist()
    assert FlowMatching().told(xp, {"label": label}, {}) == {}
    (port,) = [part.port for part in family.parts(Digits()).values()]
    assert port.classes == 10 and port.time
    closed = FlowMatching(labels=True, shift=0.3, scale=0.5).close(
        xp, {}, {"image": X, "label": label}, {}
    )
    np.testing.assert_allclose(closed["image"], 0.3 + 0.5 * X, rtol=1e-6)
    assert closed["label"] is label
    assert FlowMatching().close(xp, {}, {"x": X, "label": label}, {}).keys() == {"x"}


def test_guidance() -> None:
    """w = 0 is the net itself, -1 the one without a class; between and beyond, a line."""
    label = np.arange(R * N).reshape(R, N) % 3 + 1

    def net(x: Any, time: Any, label: Any) -> Any:
        return x * label[..., None] + 5.0

    for w, expected in ((0.0, X * label[..., None] + 5.0), (-1.0, 0 * X + 5.0),
                        (2.0, 3.0 * X * label[..., None] + 5.0)):  # fmt: skip
        wrapped = Guidance(w=w).wrap(xp, {"net": net, "other": net})
        assert wrapped["other"] is net
        found = wrapped["net"](X, time=None, label=label)
        np.testing.assert_allclose(found, expected, atol=1e-5)

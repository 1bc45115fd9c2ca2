"""Nets: one spec, the same names and shapes in every backend, initial weights of the stated law.

A new kind of net is covered once it has an example here.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recurse.backend import backends
from recurse.nets import Net, Port, Weight, features, initial
from recurse.nets.mlp import MLP
from recurse.numerics.streams import Streams
from recurse.spec import kinds
from tests import reference
from tests.harness import runtime
from tests.statistics_checks import z_test

NETS: dict[str, Net] = {
    "mlp": MLP(hidden=(17, 9), frequencies=5),
    "mlp-silu": MLP(hidden=(17,), activation="silu"),
    "mlp-gelu": MLP(hidden=(17,), activation="gelu"),
    "mlp-tanh": MLP(hidden=(17,), activation="tanh"),
}
"""Nets by a name that begins with their kind."""
PORTS = {
    "plain": Port((64,), (6,)),
    "image": Port((1, 8, 8), (1, 8, 8)),
    "time": Port((3,), (3,), time=True),
    "classes": Port((3,), (2,), classes=4),
    "both": Port((5,), (5,), time=True, classes=4),
}
CASES = [
    pytest.param(net, port, id=f"{name}-{told}")
    for name, net in NETS.items()
    for told, port in PORTS.items()
    if net.refusal(port) is None
]
HAVING = [name for name, backend in backends().items() if backend.nets]
R, N = 3, 7


def told(port: Port) -> dict[str, NDArray[Any]]:
    """Everything that a net is told, ``[R, n, ...]``; every class, and none."""
    generator = np.random.default_rng(5)
    found: dict[str, Any] = {"x": generator.standard_normal((R, N, *port.inputs))}
    if port.time:
        found["time"] = np.concatenate(
            [np.zeros((R, 1)), generator.random((R, N - 2)), np.ones((R, 1))], axis=1
        )
    if port.classes:
        found["label"] = np.arange(R * N).reshape(R, N) % (port.classes + 1)
    return {k: v.astype("f4") if v.dtype.kind == "f" else v for k, v in found.items()}


def answered(backend: str, net: Net, port: Port, weights: dict[str, Any]) -> NDArray[Any]:
    """What the module of a backend answers, ``[R, n, *outputs]``."""
    given = told(port)
    if backend == "torch":
        module = reference.module(net, port, weights).float()
        with torch.no_grad():
            found = module(**{k: torch.tensor(v) for k, v in given.items()})
        return np.asarray(found.numpy())
    import jax
    from recurse_jax import trainer

    graph = _graph(net, port)

    def one(own: dict[str, Any], given: dict[str, Any]) -> Any:
        return trainer._nets({"net": graph}, own)["net"](**given)

    named = {f"net.{name}": value for name, value in weights.items()}
    return np.asarray(jax.vmap(one)(named, given))


def _graph(net: Net, port: Port) -> Any:
    from flax import nnx

    return nnx.split(nnx.eval_shape(lambda: backends()["jax"].module(net)(net, port)))[0]


def test_every_net_has_an_example_and_a_module_in_every_backend_that_has_nets() -> None:
    assert kinds("net").keys() == {net.kind for net in NETS.values()}
    for name in HAVING:
        assert backends()[name].nets.keys() == kinds("net").keys()


@pytest.mark.parametrize(("net", "port"), CASES)
def test_names_and_shapes_are_those_of_the_modules(net: Net, port: Port) -> None:
    """torch's ``state_dict`` with the replicates first, and the state of the nnx module."""
    from flax import nnx

    wanted = {name: weight.shape for name, weight in net.weights(port).items()}
    state = backends()["torch"].module(net)(net, port, R).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        name: (R, *shape) for name, shape in wanted.items()
    }
    module = nnx.eval_shape(lambda: backends()["jax"].module(net)(net, port))
    found = {
        ".".join(map(str, path)): leaf.shape for path, leaf in nnx.to_flat_state(nnx.state(module))
    }
    assert found == wanted
    parameters = sum(math.prod(shape) for shape in wanted.values())
    assert 0 < net.operations(port) and parameters > 0 and net.activations(port) > 0


@pytest.mark.parametrize(("net", "port"), CASES)
@pytest.mark.parametrize("backend", HAVING)
def test_modules_answer_as_in_double_precision(backend: str, net: Net, port: Port) -> None:
    """Also where time is 0 or 1, and without a label: to 1e-5 of the largest number."""
    runtime(backend)
    streams = Streams(range(R))
    weights = {
        k: v + 0.1 * np.stack([g.standard_normal(v.shape[1:]) for g in streams.generators(0, k)])
        for k, v in initial(net.weights(port), streams, 0).items()
    }
    weights = {k: v.astype(np.float32) for k, v in weights.items()}
    with torch.no_grad():
        exact = reference.module(net, port, weights)(**reference.doubled(told(port))).numpy()
    found = answered(backend, net, port, weights)
    assert found.shape == (R, N, *port.outputs) and found.dtype == np.float32
    assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
    for name in weights:  # no weight is left unused
        other = {**weights, name: weights[name] + np.float32(0.5)}
        assert np.abs(answered("torch", net, port, other) - exact).max() > 1e-3, name


def test_an_mlp_is_what_numpy_computes() -> None:
    """Layer by layer, with time and label, in double precision."""
    net, port = MLP(hidden=(17, 9), activation="tanh", frequencies=5), PORTS["both"]
    weights = {
        k: np.random.default_rng(2).standard_normal((R, *w.shape))
        for k, w in net.weights(port).items()
    }
    given = told(port)
    for r in range(R):
        w = {name: value[r] for name, value in weights.items()}
        x = given["x"][r].astype(np.float64) @ w["layers.0.weight"].T + w["layers.0.bias"]
        frequency = 1000.0 * (0.1 / 1000.0) ** (np.arange(5) / 4)
        angle = given["time"][r].astype(np.float64)[:, None] * frequency
        x = x + np.concatenate([np.sin(angle), np.cos(angle)], axis=1) @ w["time.weight"].T
        x = x + w["label.weight"][given["label"][r]]
        for layer in (1, 2):
            x = np.tanh(x) @ w[f"layers.{layer}.weight"].T + w[f"layers.{layer}.bias"]
        module = reference.module(net, port, weights)
        with torch.no_grad():
            found = module(**reference.doubled(given)).numpy()[r]
        np.testing.assert_allclose(found, x, atol=3e-4)  # angles are in float32


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", [0.0, 0.0, 1.5]),
        ("silu", [-2 / (1 + math.e**2), 0.0, 1.5 / (1 + math.e**-1.5)]),
        ("gelu", [-1 - math.erf(-math.sqrt(2)), 0.0, 0.75 * (1 + math.erf(1.5 / math.sqrt(2)))]),
        ("tanh", [math.tanh(-2), 0.0, math.tanh(1.5)]),
    ],
)
@pytest.mark.parametrize("backend", HAVING)
def test_activations(backend: str, activation: Any, expected: list[float]) -> None:
    """By their definitions, at -2, 0 and 1.5."""
    net, port = MLP(hidden=(1,), activation=activation), Port((1,), (1,))
    ones = {k: np.ones((R, *w.shape), np.float32) for k, w in net.weights(port).items()}
    ones = {k: v * np.float32(k.endswith("weight")) for k, v in ones.items()}
    x = np.array([-2.0, 0.0, 1.5], np.float32)
    given = {"x": np.broadcast_to(np.resize(x, N)[:, None], (R, N, 1)).copy()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "told", lambda port: given)
        found = answered(backend, net, port, ones)
    np.testing.assert_allclose(found[1, :3, 0], expected, atol=1e-6)


@pytest.mark.parametrize(("net", "port"), CASES)
def test_initial_weights_have_the_stated_law(net: Net, port: Port) -> None:
    """Mean and second moment over 60 seeds (level 1e-6); a seed and generation has its own."""
    streams, laws = Streams(range(60)), net.weights(port)
    found, later = (initial(laws, streams, generation) for generation in (0, 1))
    again = initial(laws, Streams([59, 7]), 0)
    for name, weight in laws.items():
        value = found[name].astype(np.float64)
        assert value.shape == (60, *weight.shape) and found[name].dtype == np.float32
        np.testing.assert_array_equal(again[name], found[name][[59, 7]])
        if weight.law == "constant":
            assert (value == weight.scale).all()
            continue
        variance = weight.scale**2 / (3.0 if weight.law == "uniform" else 1.0)
        flat = value.reshape(60, -1)
        moments = np.stack([flat.mean(axis=1), (flat**2).mean(axis=1)], axis=1)
        effect = z_test(moments, [0.0, variance])
        assert effect[0] < weight.scale and effect[1] < variance
        assert weight.law != "uniform" or np.abs(value).max() <= weight.scale * (1 + 1e-6)
        assert not np.array_equal(found[name][0], found[name][1])
        assert not np.array_equal(found[name], later[name])


def test_an_mlp_begins_as_stated() -> None:
    """Uniform in one over the root of what goes in, biases zero, labels of deviation 0.1."""
    laws, sizes = MLP(hidden=(17, 9), frequencies=5).weights(PORTS["both"]), (5, 17, 9, 5)
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        assert laws[f"layers.{layer}.weight"] == Weight(
            (fan_out, fan_in), "uniform", 1 / math.sqrt(fan_in)
        )
        assert laws[f"layers.{layer}.bias"] == Weight((fan_out,))
    assert laws["time.weight"] == Weight((17, 10), "uniform", 1 / math.sqrt(10))
    assert laws["label.weight"] == Weight((5, 17), "normal", 0.1)
    assert len(laws) == 8
    assert MLP(hidden=(17, 9)).mirrored() == MLP(hidden=(9, 17))


@pytest.mark.parametrize("backend", HAVING)
def test_features_of_time(backend: str) -> None:
    """Sines, then cosines, of frequencies from 1000 down to 0.1 in equal ratios."""
    one = runtime(backend)
    time = np.array([[0.0, 0.25, 1.0]], np.float32)
    found = one.host(features(one.xp, one.array(time), 8))
    assert found.shape == (1, 3, 8) and found.dtype == np.float32
    ratios = 1000.0 * (1e-4) ** (np.arange(4) / 3)
    angle = time[..., None].astype(np.float64) * ratios
    expected = np.concatenate([np.sin(angle), np.cos(angle)], axis=-1)
    np.testing.assert_allclose(found, expected, atol=1e-4)

"""The three backends: light declarations, the same numbers, keyed noise, programs kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recurse_jax import noise as jax_noise
from recurse_jax.runtime import prune
from recurse_torch import noise as torch_noise

from recurse.backend import Backend, Runtime, backends
from recurse.cache import folder
from recurse.families.gaussian import Gaussian
from recurse.families.linear import Linear
from recurse.numerics.streams import Integers, Normal, Streams, Uniform
from recurse.sources.gaussian import GaussianSource
from recurse.sources.linear_regression import LinearRegression
from tests.statistics_checks import z_test

BLOCKED = """
import sys
for name in ("torch", "jax", "jaxlib", "flax", "optax"):
    sys.modules[name] = None
from recurse.backend import backends
print({name: sorted(backend.nets) for name, backend in backends().items()})
"""

COMPILING = """
import numpy as np
from recurse.backend import backends

def waves(x):
    return (x @ x).sum()

runtime = backends()["jax"].start()
print(float(runtime.compile(waves, ())(runtime.array(np.linspace(0, 1, 49).reshape(7, 7)))).hex())
"""


SWEEPING = """
from pathlib import Path
import numpy as np
from recurse.backend import backends
from recurse_jax import runtime as jax_runtime

def shifted(constant, x):
    return x + constant

def swept(first, last):
    for constant in range(first, last):
        found = runtime.compile(shifted, (0,))(float(constant), argument)
        assert float(found[0]) == 1.0 + constant
    return len(Path("/proc/self/maps").read_text().splitlines())

jax_runtime.PROGRAMS = 50
runtime = backends()["jax"].start()
argument = runtime.array(np.ones(3))
print(swept(0, 1), swept(1, 41), swept(41, 400))
"""


@pytest.fixture(params=["numpy", "torch", "jax"])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return backends()[request.param].start()


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_declarations_import_no_framework() -> None:
    assert python(BLOCKED).strip() == "{'jax': ['mlp'], 'numpy': [], 'torch': ['mlp']}"


def test_what_is_missing_is_said_with_the_way_to_get_it() -> None:
    assert all(backend.missing() is None for backend in backends().values())
    absent = Backend("x", "x:X", requires=("recurse_absent",), install="pip install y")
    assert absent.missing() == "backend 'x' needs recurse_absent: pip install y"


def test_arrays_keep_dtype_values_and_source(runtime: Runtime) -> None:
    """Read-only, strided and reversed arrays are taken, without a warning."""
    whole = np.arange(24.0).reshape(2, 3, 4)
    whole.flags.writeable = False
    wide = np.broadcast_to(np.ones(3), (2, 3))
    for values in (
        whole,
        whole[:, ::-1],
        whole[..., ::2],
        wide,
        whole.astype(np.float32),
        np.arange(3),
    ):
        back = runtime.host(runtime.array(values))
        assert back.dtype == values.dtype
        np.testing.assert_array_equal(back, values)


def test_numerics_name_version_device_and_threads(runtime: Runtime) -> None:
    found = runtime.numerics()
    assert all(isinstance(value, str) and value for value in found.values())
    assert "device" in found and {"threads", "flags"} & set(found)


def test_compile_takes_static_arguments(runtime: Runtime) -> None:
    def scaled(xp: Any, power: int, x: Any) -> Any:
        for _ in range(power):
            x = xp.sqrt(x)
        return x

    found = runtime.compile(scaled, (0, 1))(runtime.xp, 2, runtime.array(np.array([16.0])))
    assert runtime.host(found).tolist() == [2.0]


def test_repeat_looks_before_it_steps(runtime: Runtime) -> None:
    """Constants first, the state last; a state that is enough is handed back as it is."""

    def doubled(factor: int, state: Any) -> Any:
        return {**state, "x": factor * state["x"]}

    def large(factor: int, state: Any) -> Any:
        return state["x"][0] >= state["limit"]

    repeated = runtime.repeat(doubled, large, (0,))
    for first, last in ((1.0, 64.0), (300.0, 300.0)):
        state = {"x": runtime.array(np.array([first])), "limit": runtime.array(np.array(50.0))}
        assert runtime.host(repeated(2, state)["x"]).tolist() == [last]


def replaced(
    runtime: Runtime, family: Any, source: Any, lowering: str, reused: bool
) -> dict[str, NDArray[Any]]:
    """The parameters of 20 generations of 40 samples, each fitted on the last one's."""
    streams = Streams([3, 1 << 40])
    xp, call = runtime.xp, runtime.compile
    real = {k: runtime.array(v) for k, v in source.draw(streams, 0, "real", 40).items()}
    design = {"x": real["x"]} if reused else {}
    ones = runtime.array(np.ones((2, 40)))
    kind = type(family)
    statistics = call(kind.statistics, (0, 1))(family, xp, real, ones)
    total = statistics
    for generation in range(1, 21):
        params = call(kind.estimate, (0, 1))(family, xp, total)
        if lowering == "samples":
            noise = streams.draws(generation, "synthetic", family.noise(source, 40))
            noise = {k: runtime.array(v) for k, v in noise.items()}
            batch = call(kind.sample, (0, 1, 2))(family, xp, source, params, noise, design)
            new = call(kind.statistics, (0, 1))(family, xp, batch, ones)
        else:
            noise = streams.draws(generation, "synthetic", family.statistics_noise(source, 40))
            noise = {k: runtime.array(v) for k, v in noise.items()}
            draw = call(kind.sample_statistics, (0, 1, 2, 3))
            new = draw(family, xp, source, 40, params, noise, {})
        total = call(kind.merge, (0, 1))(family, xp, statistics, new)
    score = call(kind.evaluate, (0, 1, 2))(family, xp, source, params, real)
    return {k: runtime.host(v) for k, v in {**params, "score": score}.items()}


CASES = [
    (Gaussian(), GaussianSource(dim=3), "samples", False),
    (Gaussian(), GaussianSource(dim=3), "statistics", False),
    (Linear(), LinearRegression(dim=4, design="reused"), "samples", True),
    (Linear(ridge=0.1), LinearRegression(dim=4, design="fresh"), "statistics", False),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0].kind}-{c[2]}")
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_closed_forms_agree_with_numpy_over_20_generations(name: str, case: Any) -> None:
    expected = replaced(backends()["numpy"].start(), *case)
    found = replaced(backends()[name].start(), *case)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key].dtype == np.float64 and np.isfinite(value).all()
        np.testing.assert_allclose(found[key], value, rtol=1e-9, atol=1e-11)


DEVICES = ["torch", "jax"]


def drawn(
    name: str, streams: Streams, generation: int, purpose: str, requests: Any, rows: int
) -> dict[str, NDArray[Any]]:
    """Training noise as a backend draws it, ``[R, rows, *shape]`` by name."""
    found: Any
    if name == "torch":
        device = torch.device("cpu")
        found = torch_noise.draw(streams, generation, purpose, requests, (rows,), device)
    else:
        keys = jax_noise.keys(streams, generation, purpose, requests)
        found = jax_noise.draw(keys, 0, requests, rows)
    return {key: np.asarray(values) for key, values in found.items()}


def device_noise(
    name: str, seeds: list[int], generation: int, purpose: str, request: Any
) -> NDArray[Any]:
    """The numbers of one request for one sample, ``[R, 1, *shape]``."""
    return drawn(name, Streams(seeds), generation, purpose, {"z": request}, 1)["z"]


def test_noise_keeps_more_than_32_bits_of_the_seed() -> None:
    """Seeds that agree in their low 32 bits, and 5000 others, have generators of their own."""
    streams = Streams([1, (1 << 32) + 1, (1 << 63) + 1, *range(2, 5000)])
    cpu = torch.device("cpu")
    states = {g.get_state().numpy().tobytes() for g in torch_noise.generators(streams, 0, "p", cpu)}
    assert len(states) == len(streams.seeds)
    found = jax_noise.keys(streams, 0, "p", {"code": Normal(())})
    keys = jax.random.key_data(found["code"])
    assert len(np.unique(keys, axis=0)) == len(streams.seeds)
    # Each half alone is nearly free of collisions too: 64 bits are in use.
    assert min(len(np.unique(keys[:, half])) for half in (0, 1)) > len(streams.seeds) - 3


def test_noise_depends_on_seed_generation_and_purpose_only() -> None:
    for name in DEVICES:
        block = device_noise(name, [4, 5, 6], 2, "a", Normal((5,)))
        again = device_noise(name, [6, 4], 2, "a", Normal((5,)))
        np.testing.assert_array_equal(again, block[[2, 0]])
        others = [
            device_noise(name, *place, Normal((5,)))
            for place in (([4], 3, "a"), ([4], 2, "b"), ([5], 2, "a"))
        ]
        assert not any(np.array_equal(other[0], block[0]) for other in others)


@pytest.mark.parametrize("name", DEVICES)
def test_every_request_has_numbers_of_its_own(name: str) -> None:
    """Of one law and one purpose; integers below their bound, each as likely (level 1e-6)."""
    requests = {"a": Normal((5,)), "b": Normal((5,)), "c": Integers(7, ())}
    found = drawn(name, Streams(range(60)), 1, "p", requests, 50)
    assert {k: v.shape for k, v in found.items()} == {
        "a": (60, 50, 5), "b": (60, 50, 5), "c": (60, 50)
    }  # fmt: skip
    assert (found["a"] == found["b"]).mean() < 1e-3
    assert found["a"].dtype == np.float32 and found["c"].dtype == np.int64
    shares = np.stack([(found["c"] == k).mean(axis=1) for k in range(7)], axis=1)
    assert (z_test(shares, [1 / 7] * 7) < 0.06).all()


@pytest.mark.parametrize("name", DEVICES)
def test_device_noise_has_the_right_moments(name: str) -> None:
    """Mean 0 and variance 1; uniform: 1/2 and 1/12; neighbouring seeds uncorrelated (1e-6)."""
    seeds = list(range(400))
    z, u = (
        device_noise(name, seeds, 0, "p", law((500,)))[:, 0].astype(np.float64)
        for law in (Normal, Uniform)
    )
    moments = np.stack(
        [
            z.mean(axis=1),
            (z**2).mean(axis=1),
            u.mean(axis=1),
            (u**2).mean(axis=1),
            (z * np.roll(z, 1, axis=0)).mean(axis=1),
        ],
        axis=1,
    )
    assert (z_test(moments, [0, 1, 1 / 2, 1 / 3, 0]) < 0.03).all()


def test_compiling_is_timed_once() -> None:
    runtime = backends()["jax"].start()
    assert backends()["jax"].start().xp is runtime.xp

    def tripled(x: Any) -> Any:
        return 3.0 * x

    before = runtime.compile_seconds()
    runtime.compile(tripled, ())(runtime.array(np.ones(3)))
    first = runtime.compile_seconds()
    runtime.compile(tripled, ())(runtime.array(np.zeros(3)))
    assert before < first == runtime.compile_seconds() < before + 10


def test_nested_programs_are_not_counted_twice() -> None:
    """Sixty programs inside each other take no longer to compile than the clock says."""
    runtime = backends()["jax"].start()

    def wrapped(inner: Any) -> Any:
        return jax.jit(lambda x: inner(x) + 1.0)

    call: Any = runtime.xp.sin
    for _ in range(60):
        call = wrapped(call)
    argument, before = runtime.array(np.ones(3)), runtime.compile_seconds()
    began = time.monotonic()
    call(argument)
    assert 0 < runtime.compile_seconds() - before <= time.monotonic() - began


@pytest.mark.skipif(sys.platform != "linux", reason="memory maps are counted on Linux")
def test_a_long_sweep_does_not_fill_the_memory_with_programs(tmp_path: Path) -> None:
    """Each constant makes a program, and each program some memory maps, of which 65,530 are let."""
    before, some, many = map(int, python(SWEEPING, RECURSE_CACHE_DIR=str(tmp_path)).split())
    each = (some - before) / 40
    assert each > 2
    assert many - before < 60 * each


def test_programs_are_kept_for_the_next_process(tmp_path: Path) -> None:
    """A second process gets the same bits from the programs of the first, and adds none."""
    first = python(COMPILING, RECURSE_CACHE_DIR=str(tmp_path))
    kept = sorted(path.name for path in tmp_path.rglob("*-cache"))
    assert any("waves" in name for name in kept)
    assert python(COMPILING, RECURSE_CACHE_DIR=str(tmp_path)) == first
    assert sorted(path.name for path in tmp_path.rglob("*-cache")) == kept


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file")
    assert float.fromhex(python(COMPILING, RECURSE_CACHE_DIR=where).strip()) > 0


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECURSE_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder("jax") == tmp_path / "recurse" / "jax"
    monkeypatch.setenv("RECURSE_CACHE_DIR", str(tmp_path / "own"))
    assert folder("jax") == tmp_path / "own" / "jax"


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "middle", "old"]):
        path = tmp_path / f"{name}-cache"
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 2e9))
    (tmp_path / "gone-cache").symlink_to(tmp_path / "nothing")  # as one that vanishes meanwhile
    prune(tmp_path, 200)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gone-cache",
        "middle-cache",
        "new-cache",
    ]

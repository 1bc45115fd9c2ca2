"""Neural families at odd sizes: an arm of each kind, or more.

A new family is covered by all tests of the seam once it has an arm here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurse.backend import Trainer, backends
from recurse.families.diffusion import Diffusion
from recurse.families.flow_matching import FlowMatching
from recurse.families.neural import Neural
from recurse.families.training import Training
from recurse.families.vae import Vae
from recurse.lowering.measure import host_arrays, runtime_arrays
from recurse.lowering.neural import single
from recurse.metrics.diversity import Diversity
from recurse.metrics.elbo import Elbo
from recurse.metrics.test_loss import HeldoutLoss
from recurse.nets import initial
from recurse.nets.mlp import MLP
from recurse.numerics.arrays import Arrays, Fields
from recurse.numerics.streams import Streams
from recurse.policies.accumulate import Accumulate
from recurse.samplers.guidance import Guidance
from recurse.scenario.scenario import Arm, Samples
from recurse.sources.digits import Digits
from recurse.sources.moons import Moons
from tests.harness import runtime

SEEDS = (0, 1, 2, 3, 4)
BATCH = 13
TRAINERS = [name for name, backend in backends().items() if backend.trainer]
DIGITS = Digits()


def digits(model: Neural[Any], **fields: Any) -> Arm:
    """A loop of one generation on digits."""
    usual: dict[str, Any] = {
        "source": DIGITS,
        "model": model,
        "policy": Accumulate(),
        "samples": Samples(real=40, synthetic=40),
        "backend": "torch",
        "generations": 1,
        "metrics": (Diversity(samples=20),),
    }
    return Arm(**(usual | fields))


# Odd sizes, so that vector loops have tails and replicates start at unaligned addresses.
NET = MLP(hidden=(17,))
SHORT = Training(batch=BATCH, epochs=2)
ARMS: dict[str, Arm] = {
    "vae": digits(Vae(net=NET, latent=3, train=SHORT), metrics=(Elbo(), Diversity(samples=20))),
    "vae-deep-gaussian": digits(
        Vae(
            net=MLP(hidden=(19, 11), activation="tanh"),
            latent=3,
            likelihood="gaussian",
            beta=2.5,
            output="sample",
            train=SHORT,
        )
    ),
    "diffusion": Arm(
        source=Moons(),
        model=Diffusion(
            net=MLP(hidden=(17, 9), activation="silu", frequencies=5),
            times=20,
            steps=5,
            scale=0.8,
            train=SHORT,
        ),
        policy=Accumulate(),
        samples=Samples(real=40, synthetic=40),
        backend="torch",
        generations=1,
        metrics=(Diversity(samples=20), HeldoutLoss()),
    ),
    "flow_matching": digits(
        FlowMatching(
            net=MLP(hidden=(17,), activation="gelu", frequencies=3),
            steps=3,
            solver="heun",
            shift=0.5,
            scale=0.5,
            labels=True,
            coupling="exact",
            train=SHORT,
        ),
        sampler=Guidance(w=0.7),
        metrics=(Diversity(samples=20), HeldoutLoss()),
    ),
}
"""Arms by a name that begins with the kind of their model."""


FAMILIES: Mapping[str, tuple[Neural[Any], Any]] = {
    name: (arm.model, arm.source)  # type: ignore[misc]
    for name, arm in ARMS.items()
}
"""Families by name, each with its source."""


def trained(family: Neural[Any], **fields: Any) -> Any:
    """The family with other values of its training."""
    train = Training.model_validate({**family.train.model_dump(), **fields})
    return family.model_copy(update={"train": train})


def trainer(
    backend: str, family: Neural[Any], source: Any = DIGITS, seeds: tuple[int, ...] = SEEDS
) -> Trainer:
    """The backend's trainer for a block."""
    return backends()[backend].train(runtime(backend), family, source, Streams(seeds))


def weights(
    family: Neural[Any], source: Any = DIGITS, seeds: tuple[int, ...] = SEEDS
) -> dict[str, NDArray[Any]]:
    """Weights of which none is zero, ``[R, ...]``; those of a seed are its own."""
    streams = Streams(seeds)
    start = initial(family.weights(source), streams, 0)
    generators = streams.generators(0, "test/weights")
    return {
        name: value
        + np.stack([0.1 * g.standard_normal(value.shape[1:]) for g in generators]).astype("f4")
        for name, value in start.items()
    }


def drawn(
    family: Neural[Any], source: Any = DIGITS, seeds: tuple[int, ...] = SEEDS, n: int = BATCH
) -> Fields:
    """Real data for a family, ``[R, n, ...]``."""
    found = source.draw(Streams(seeds), 0, "real", n)
    return {name: single(found[name]) for name in family.fields(source)}


def put(backend: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Arrays on the device."""
    return runtime_arrays(runtime(backend), arrays)


def host(backend: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Arrays on the host."""
    return host_arrays(runtime(backend), arrays)


def steps(family: Neural[Any], data: Fields, count: int, batch: int = BATCH) -> Fields:
    """Batches ``[count, R, batch, ...]`` one after another of data ``[R, n, ...]``, in a circle."""
    n = next(iter(data.values())).shape[1]
    places = np.arange(count * batch).reshape(count, batch) % n
    taken = {name: np.moveaxis(values[:, places], 1, 0) for name, values in data.items()}
    return family.prepared(Streams(SEEDS).generators(0, "prepared/0"), taken)


def one_batch(family: Neural[Any], source: Any) -> Fields:
    """A batch ``[R, batch, ...]`` of real data, as the loss wants it."""
    taken = steps(family, drawn(family, source), 1)
    return {name: values[0] for name, values in taken.items()}

"""A neural family in double precision: its loss, gradient, samples and scores, and Adam by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import recurse_torch.runtime  # noqa: F401  (says how MKL multiplies, before it does)
import torch
from numpy.typing import NDArray

from recurse.backend import backends
from recurse.families.neural import Neural
from recurse.families.training import Training
from recurse.nets import Net, Port
from tests.given_noise import given

Host = Mapping[str, NDArray[Any]]
Found = dict[str, NDArray[np.float64]]


def module(net: Net, port: Port, weights: Host, prefix: str = "") -> torch.nn.Module:
    """The torch module of a net in double precision, with these weights ``[R, ...]``."""
    replicates = len(next(iter(weights.values())))
    built: torch.nn.Module = backends()["torch"].module(net)(net, port, replicates)
    for name, parameter in built.named_parameters():
        parameter.data = torch.tensor(weights[prefix + name], dtype=torch.float64)
    return built


def networks(family: Neural[Any], source: Any, weights: Host) -> dict[str, torch.nn.Module]:
    """The networks of a family by part."""
    parts = family.parts(source).items()
    return {name: module(part.net, part.port, weights, f"{name}.") for name, part in parts}


def doubled(arrays: Host) -> dict[str, torch.Tensor]:
    """Tensors in double precision; integers as they are."""
    tensors = {name: torch.tensor(values) for name, values in arrays.items()}
    return {k: v.double() if v.is_floating_point() else v for k, v in tensors.items()}


def loss(
    family: Neural[Any], source: Any, weights: Host, batch: Host, noise: Host
) -> tuple[NDArray[np.float64], Found]:
    """The loss of each replicate ``[R]``, and its gradient ``[R, ...]`` by name."""
    nets, fields = networks(family, source, weights), doubled(batch)
    each = family.loss(xp, nets, fields, doubled(noise))
    assert each.shape == next(iter(fields.values())).shape[:2]
    mean = (each * fields.get("weight", torch.ones(()))).mean(dim=-1)
    mean.sum().backward()  # type: ignore[no-untyped-call]
    slopes = {
        f"{part}.{name}": parameter.grad.numpy()
        for part, net in nets.items()
        for name, parameter in net.named_parameters()
        if parameter.grad is not None
    }
    return mean.detach().numpy(), slopes


@torch.no_grad()
def score(
    family: Neural[Any], source: Any, weights: Host, quantity: str, data: Host
) -> NDArray[np.float64]:
    """A quantity of every sample, with the given noise."""
    replicates, rows = next(iter(data.values())).shape[:2]
    noise = given(family.scoring(source, quantity), replicates, rows)
    nets = networks(family, source, weights)
    found = family.score(xp, nets, quantity, doubled(data), doubled(noise))
    return np.asarray(found.numpy())


@torch.no_grad()
def sample(family: Neural[Any], source: Any, weights: Host, n: int) -> dict[str, NDArray[Any]]:
    """Samples with the given noise, ``[R, n, ...]``."""
    replicates = len(next(iter(weights.values())))
    nets, wanted = networks(family, source, weights), family.sampling(source)
    state = family.open(xp, nets, doubled(given(wanted.open, replicates, n)))
    for index in range(family.rounds):
        noise = doubled(given(wanted.round, replicates, n, index))
        state = family.round(xp, nets, index, state, noise)
    fields = family.close(xp, nets, state, doubled(given(wanted.close, replicates, n)))
    return {name: values.numpy() for name, values in fields.items()}


def norms(slopes: Host) -> NDArray[np.float64]:
    """The norm of the gradient of each replicate, ``[R]``."""
    squares = [(v**2).reshape(len(v), -1).sum(axis=1) for v in slopes.values()]
    return np.sqrt(np.sum(squares, axis=0))


def adam(train: Training, model: Host, slopes: Host, step: int, rate: float) -> Found:
    """All of a model after one more step (Kingma & Ba, algorithm 1; decay as 1711.05101)."""
    (b1, b2), cut = train.betas, np.ones(len(norms(slopes)))
    if train.clip is not None:
        cut = np.minimum(1.0, train.clip / norms(slopes))
    found = {}
    for name, slope in slopes.items():
        g = slope * cut.reshape(-1, *(1,) * (slope.ndim - 1))
        first = b1 * model.get(f"first/{name}", np.zeros_like(g)) + (1 - b1) * g
        second = b2 * model.get(f"second/{name}", np.zeros_like(g)) + (1 - b2) * g**2
        move = first / (1 - b1**step) / (np.sqrt(second / (1 - b2**step)) + 1e-8)
        new = model[name] - rate * train.weight_decay * model[name] - rate * move
        found |= {name: new, f"first/{name}": first, f"second/{name}": second}
        if train.average is not None:
            held = model.get(f"average/{name}", model[name])
            kept = train.average.decay
            found[f"average/{name}"] = kept * held + (1 - kept) * new
    return found

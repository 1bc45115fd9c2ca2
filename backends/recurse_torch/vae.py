"""The variational autoencoder in torch: a block of replicates as batched matrix products.

The gradient is written out: at the sizes that loops are studied at, autograd's bookkeeping costs
as much as the arithmetic. A test compares it with autograd of the shared objective.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recurse.families.vae import DRAWS, Vae
from recurse.numerics.arrays import Arrays, Host
from recurse.numerics.streams import Streams
from recurse.sources import Source
from recurse_torch import noise
from recurse_torch.runtime import TorchRuntime

_CHUNK = 64  # optimiser steps whose batches and noise are made at once; the noise depends on it
_VECTOR = 64  # a multiple of the float32 lanes of any CPU


class VAE:
    """``recurse.families.vae.Vae`` for one block. Parameters: float32 tensors ``[R, ...]``."""

    def __init__(self, runtime: TorchRuntime, spec: Vae, source: Source) -> None:
        self.runtime, self.spec, self.source = runtime, spec, source

    @torch.no_grad()
    def fit(
        self, streams: Streams, generation: int, data: Host, start: Arrays
    ) -> tuple[dict[str, Tensor], NDArray[np.float64]]:
        """Weights trained from ``start``, and the mean training loss of the last epoch ``[R]``."""
        spec = self.spec
        flat, weights = _flatten(start)
        flat.grad, slopes = _flatten(start)
        # One tensor, one kernel: Adam works element by element, so replicates stay independent.
        adam = torch.optim.Adam([flat], lr=spec.learning_rate, fused=True)
        images = self.runtime.array(np.asarray(data["image"], np.float32))
        order = spec.order(streams, generation, images.shape[1])
        last = order.shape[1] - order.shape[1] // spec.epochs
        losses = []
        for step, (image, eps) in enumerate(self._batches(streams, generation, images, order)):
            outputs = gradient(spec, weights, slopes, image, eps)
            adam.step()
            if step >= last:
                losses.append(-torch.mean(self._bound(image, *outputs, spec.beta), dim=1))
        loss = self.runtime.host(torch.stack(losses)).mean(axis=0, dtype=np.float64)
        return {name: value.clone() for name, value in weights.items()}, loss

    @torch.no_grad()
    def sample(
        self, streams: Streams, generation: int, purpose: str, params: Arrays, n: int
    ) -> Host:
        """``n`` images per replicate, ``{"image": float32 [R, n, pixels]}``."""
        spec = self.spec
        code = self._normal(streams, generation, f"{purpose}/code", (n, spec.latent))
        decoded = forward(params, "decoder", spec.layers(), code)[-1]
        drawn = None
        if spec.output == "sample":
            draw = noise.uniform if spec.likelihood == "bernoulli" else noise.normal
            own = self._generators(streams, generation, f"{purpose}/pixels")
            drawn = draw(own, decoded.shape[1:])
        return {"image": self.runtime.host(spec.image(self.runtime.xp, decoded, drawn))}

    @torch.no_grad()
    def evaluate(
        self, streams: Streams, generation: int, params: Arrays, data: Host, quantity: str
    ) -> NDArray[np.float64]:
        """``elbo`` (nats per image) or ``latent_spread`` of held-out images, ``[R]``."""
        spec = self.spec
        image = self.runtime.array(np.asarray(data["image"], np.float32))
        image = image.expand(len(streams.seeds), *image.shape[-2:])
        coded = forward(params, "encoder", spec.layers(), image)[-1]
        mean, logvar = coded.chunk(2, dim=-1)
        if quantity == "latent_spread":
            return spec.spread(self.runtime.host(mean))
        shape = (DRAWS, *mean.shape[1:])
        total = np.zeros(len(mean))
        for eps in self._normal(streams, generation, "evaluation", shape).unbind(1):
            code = mean + torch.exp(0.5 * logvar) * eps
            decoded = forward(params, "decoder", spec.layers(), code)[-1]
            bound = self.runtime.host(self._bound(image, decoded, mean, logvar, 1.0))
            total += bound.mean(axis=1, dtype=np.float64)
        return total / DRAWS

    def _batches(
        self, streams: Streams, generation: int, images: Tensor, order: NDArray[np.int64]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Images ``[R, batch, pixels]`` and noise ``[R, batch, latent]`` of every step."""
        generators = self._generators(streams, generation, "training")
        for first in range(0, order.shape[1], _CHUNK):
            rows = self.runtime.array(order[:, first : first + _CHUNK])
            eps = noise.normal(generators, (*rows.shape[1:], self.spec.latent))
            picked = torch.stack([own[row] for own, row in zip(images, rows, strict=True)], dim=1)
            yield from zip(picked, eps.transpose(0, 1).contiguous(), strict=True)

    def _bound(
        self, image: Tensor, decoded: Tensor, mean: Tensor, logvar: Tensor, beta: float
    ) -> Tensor:
        bound: Tensor = self.spec.elbo(self.runtime.xp, image, decoded, mean, logvar, beta)
        return bound

    def _generators(self, streams: Streams, generation: int, purpose: str) -> list[torch.Generator]:
        return noise.generators(streams, generation, purpose, self.runtime.device)

    def _normal(
        self, streams: Streams, generation: int, purpose: str, shape: tuple[int, ...]
    ) -> Tensor:
        return noise.normal(self._generators(streams, generation, purpose), shape)


def forward(params: Arrays, part: str, layers: int, x: Tensor) -> list[Tensor]:
    """The input ``[R, n, i]`` and the output of every layer of the encoder or decoder."""
    found = [x]
    for layer in range(layers):
        bias, weight = params[f"{part}.{layer}.bias"], params[f"{part}.{layer}.weight"]
        found.append(torch.baddbmm(bias[:, None], found[-1], weight))
        if layer + 1 < layers:
            found[-1].relu_()
    return found


def backward(
    params: Arrays, slopes: Arrays, part: str, outputs: list[Tensor], slope: Tensor
) -> Tensor:
    """Writes the gradients of one part into ``slopes``; returns the first layer's output slope.

    Args:
        outputs: what ``forward`` returned.
        slope: of the loss in the last layer's output, ``[R, n, o]``.
    """
    for layer in reversed(range(len(outputs) - 1)):
        x = outputs[layer]
        torch.bmm(x.transpose(1, 2), slope, out=slopes[f"{part}.{layer}.weight"])
        torch.sum(slope, dim=1, out=slopes[f"{part}.{layer}.bias"])
        if layer:
            slope = torch.bmm(slope, params[f"{part}.{layer}.weight"].transpose(1, 2))
            slope = torch.ops.aten.threshold_backward(slope, x, 0)
    return slope


def gradient(
    spec: Vae, params: Arrays, slopes: Arrays, image: Tensor, eps: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Writes the gradient of each replicate's mean loss into ``slopes``.

    Returns the decoder's output, the posterior's mean and its log-variance.
    """
    size = image.shape[1]
    coded = forward(params, "encoder", spec.layers(), image)
    mean, logvar = coded[-1].chunk(2, dim=-1)
    spread = torch.exp(0.5 * logvar)
    decoded = forward(params, "decoder", spec.layers(), torch.addcmul(mean, spread, eps))
    if spec.likelihood == "bernoulli":
        slope = torch.sigmoid(decoded[-1]).sub_(image).mul_(1.0 / size)
    else:
        slope = (decoded[-1] - image).mul_(1.0 / (size * spec.scale**2))
    slope = backward(params, slopes, "decoder", decoded, slope)
    slope = torch.bmm(slope, params["decoder.0.weight"].transpose(1, 2))
    weight = spec.beta / size
    in_logvar = 0.5 * (slope * eps * spread + weight * (spread**2 - 1.0))
    backward(
        params, slopes, "encoder", coded, torch.cat([slope + weight * mean, in_logvar], dim=-1)
    )
    return decoded[-1], mean, logvar


def _flatten(params: Arrays) -> tuple[Tensor, dict[str, Tensor]]:
    """One copy of all parameters in one tensor, and views of it by name.

    The end of a tensor that does not fill a vector is rounded differently; zeros are appended, so
    that it is never the last replicate's.
    """
    total = sum(value.numel() for value in params.values())
    flat = torch.zeros(-(-total // _VECTOR) * _VECTOR, device=next(iter(params.values())).device)
    views, first = {}, 0
    for name, value in params.items():
        views[name] = flat[first : first + value.numel()].view(value.shape).copy_(value)
        first += value.numel()
    return flat, views

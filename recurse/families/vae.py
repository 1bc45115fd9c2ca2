"""Variational autoencoder with MLP encoder and decoder: the parts that all backends share.

Linear layers with ReLU between them. The encoder puts out the posterior's mean and log-variance,
the decoder the logits (or means) of the pixels. Weights are float32 arrays ``[R, fan_in, fan_out]``
named ``encoder.0.weight``, ``decoder.1.bias`` and so on, the same on every backend, so that a
checkpoint of one loads in the other.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families import Network
from recurse.numerics.arrays import Array
from recurse.numerics.streams import Streams
from recurse.schedule import Row
from recurse.sources import Source

Width = Annotated[int, Field(ge=1, le=8192)]

DRAWS = 8
"""Latent draws per held-out image behind the reported ELBO."""


class Vae(Network[Source]):
    """MLP encoder and decoder with a normal latent code (Kingma & Welling)."""

    kind: Literal["vae"] = "vae"
    cite = "Kingma & Welling 1312.6114; beta: Higgins et al. 2017"
    needs: ClassVar[tuple[str, ...]] = ("image",)
    quantities: ClassVar[tuple[str, ...]] = ("elbo", "latent_spread")
    hidden: Annotated[tuple[Width, ...], Field(min_length=1)] = (128,)
    """Widths of the encoder's hidden layers; the decoder has them in reverse."""
    latent: Annotated[int, Field(ge=1, le=1024)] = 8
    """Size of the latent code."""
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """The law of a pixel given the code: ``bernoulli``, or ``gaussian`` with sd ``scale``."""
    scale: Annotated[float, Field(gt=0)] = 0.2
    """Standard deviation of the Gaussian likelihood."""
    beta: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the KL term in the training loss; the reported ELBO has weight 1."""
    output: Literal["mean", "sample"] = "mean"
    """A synthetic image is the decoder's mean, or a draw from the pixel likelihood."""
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Passes over the training data per fit."""
    batch: Annotated[int, Field(ge=1)] = 50
    """Images per optimiser step; a last incomplete batch of an epoch is left out."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 2e-3
    """The constant rate of Adam (0.9, 0.999, eps 1e-8); moments start at zero in every fit."""

    def problems(self, source: Source, row: Row, real: int) -> list[tuple[str, str, str]]:
        if row.size >= self.batch:
            return []
        text = f"generation {row.generation} has {row.size} samples, one batch has {self.batch}"
        return [("model.batch", "E204", text)]

    def shapes(self, pixels: int) -> dict[str, tuple[int, ...]]:
        """The shape of every weight of one replicate, in order."""
        encoder = (pixels, *self.hidden, 2 * self.latent)
        decoder = (self.latent, *reversed(self.hidden), pixels)
        found: dict[str, tuple[int, ...]] = {}
        for part, widths in (("encoder", encoder), ("decoder", decoder)):
            for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
                found[f"{part}.{layer}.weight"] = (fan_in, fan_out)
                found[f"{part}.{layer}.bias"] = (fan_out,)
        return found

    def cost(self, source: Source, size: int) -> tuple[int, float]:
        """Weights of one replicate, and arithmetic operations of one fit on ``size`` images."""
        (pixels,) = source.fields["image"]
        weights = sum(math.prod(shape) for shape in self.shapes(pixels).values())
        steps = self.epochs * (size // self.batch)
        return weights, 6.0 * weights * self.batch * steps

    def layers(self) -> int:
        """Linear layers in the encoder, and in the decoder."""
        return len(self.hidden) + 1

    def initial(
        self, streams: Streams, generation: int, source: Source
    ) -> dict[str, NDArray[np.float32]]:
        """Weights uniform in ``+-1/sqrt(fan_in)``, zero biases, per replicate: ``[R, ...]``."""
        (pixels,) = source.fields["image"]
        generators = streams.generators(generation, "weights")
        found = {}
        for name, shape in self.shapes(pixels).items():
            bound = 1.0 / math.sqrt(shape[0]) if name.endswith("weight") else 0.0
            drawn = np.stack([g.uniform(-bound, bound, shape) for g in generators])
            found[name] = drawn.astype(np.float32)
        return found

    def elbo(
        self, xp: Any, image: Array, decoded: Array, mean: Array, logvar: Array, beta: float = 1.0
    ) -> Array:
        """The evidence lower bound in nats per image, ``[R, n]``; the KL term has weight beta.

        Args:
            image: pixels ``[R, n, p]``.
            decoded: the decoder's output before any squashing (logits, or means), ``[R, n, p]``.
            mean: posterior means ``[R, n, l]``.
            logvar: posterior log-variances ``[R, n, l]``.
        """
        if self.likelihood == "bernoulli":
            # log p = x a - log(1 + e^a), in the form that cannot overflow.
            soft = xp.log1p(xp.exp(-xp.abs(decoded))) + xp.maximum(decoded, xp.zeros_like(decoded))
            likelihood = image * decoded - soft
        else:
            constant = math.log(self.scale) + 0.5 * math.log(2.0 * math.pi)
            likelihood = -0.5 * ((image - decoded) / self.scale) ** 2 - constant
        divergence = 0.5 * xp.sum(mean**2 + xp.exp(logvar) - 1.0 - logvar, axis=-1)
        return xp.sum(likelihood, axis=-1) - beta * divergence

    def image(self, xp: Any, decoded: Array, noise: Array | None) -> Array:
        """Pixels of a synthetic image: the mean, or with ``noise`` a draw from the likelihood.

        ``noise`` is shaped like ``decoded``: uniform for ``bernoulli``, normal for ``gaussian``.
        """
        if self.likelihood == "gaussian":
            return decoded if noise is None else decoded + self.scale * noise
        mean = 1.0 / (1.0 + xp.exp(-decoded))
        return mean if noise is None else xp.astype(noise < mean, decoded.dtype)

    def spread(self, means: NDArray[np.float32]) -> NDArray[np.float64]:
        """Trace of the covariance of posterior means ``[R, n, l]`` over the images: ``[R]``."""
        trace: NDArray[np.float64] = np.sum(np.var(means, axis=1, dtype=np.float64), axis=-1)
        return trace

    def order(self, streams: Streams, generation: int, n: int) -> NDArray[np.int64]:
        """Indices of every optimiser step, ``[R, steps, batch]``: every epoch a new permutation."""
        steps = n // self.batch
        generators = streams.generators(generation, "batches")

        def epoch(g: np.random.Generator) -> NDArray[np.int64]:
            return g.permutation(n)[: steps * self.batch].reshape(steps, self.batch)

        return np.stack(
            [np.concatenate([epoch(g) for _ in range(self.epochs)]) for g in generators]
        )

"""Variational autoencoders: an encoder to a normal code, and a decoder back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recurse.families.neural import Nets, Neural, Part, Requests, Sampling
from recurse.families.training import Training
from recurse.nets import Port
from recurse.numerics.arrays import Array, Arrays
from recurse.numerics.streams import Draw, Normal, Uniform
from recurse.sources import Source


class Vae(Neural[Source]):
    """A normal code and a decoder, trained on the evidence lower bound (Kingma & Welling)."""

    kind: Literal["vae"] = "vae"
    version: ClassVar[int] = 2
    cite = "Kingma & Welling 1312.6114; beta: Higgins et al. 2017"
    needs: ClassVar[tuple[str, ...]] = ("image",)
    quantities: ClassVar[tuple[str, ...]] = ("elbo", "latent_spread")
    draws: ClassVar[Mapping[str, int]] = {"elbo": 8}
    train: Training = Training(batch=50, learning_rate=2e-3)
    """The budget, batches, learning rate and optimiser of each fit."""
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

    def parts(self, source: Source) -> dict[str, Part]:
        image = source.fields["image"]
        return {
            "encoder": Part(self.net, Port(image, (2 * self.latent,))),
            "decoder": Part(self.net.mirrored(), Port((self.latent,), image)),
        }

    def noise(self, source: Source) -> Requests:
        return {"code": Normal((self.latent,))}

    def loss(self, xp: Any, nets: Nets, batch: Arrays, noise: Arrays) -> Array:
        return -self._bound(xp, nets, batch["image"], noise["code"], self.beta)

    def scoring(self, source: Source, quantity: str) -> Requests:
        return self.noise(source) if quantity == "elbo" else {}

    def score(self, xp: Any, nets: Nets, quantity: str, batch: Arrays, noise: Arrays) -> Array:
        if quantity == "latent_spread":
            return self._posterior(nets, batch["image"])[0]
        return self._bound(xp, nets, batch["image"], noise["code"], 1.0)

    def summary(self, quantity: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        if quantity == "latent_spread":  # the trace of the covariance of posterior means
            trace: NDArray[np.float64] = np.sum(np.var(scores, axis=1), axis=-1)
            return trace
        return super().summary(quantity, scores)

    def sampling(self, source: Source) -> Sampling:
        pixels: dict[str, Draw] = {}
        if self.output == "sample":
            law = Uniform if self.likelihood == "bernoulli" else Normal
            pixels = {"pixels": law(source.fields["image"])}
        return Sampling(open=self.noise(source), close=pixels)

    def close(self, xp: Any, nets: Nets, state: Arrays, noise: Arrays) -> dict[str, Array]:
        decoded, drawn = nets["decoder"](state["code"]), noise.get("pixels")
        if self.likelihood == "gaussian":
            return {"image": decoded if drawn is None else decoded + self.scale * drawn}
        mean = 1.0 / (1.0 + xp.exp(-decoded))
        return {"image": mean if drawn is None else xp.astype(drawn < mean, decoded.dtype)}

    def _posterior(self, nets: Nets, image: Array) -> tuple[Array, Array]:
        """Mean and log-variance of the code, ``[..., rows, latent]`` each."""
        coded = nets["encoder"](image)
        return coded[..., : self.latent], coded[..., self.latent :]

    def _bound(self, xp: Any, nets: Nets, image: Array, code: Array, beta: float) -> Array:
        """The evidence lower bound in nats per image, ``[..., rows]``; the KL has weight beta."""
        mean, logvar = self._posterior(nets, image)
        decoded = nets["decoder"](mean + xp.exp(0.5 * logvar) * code)
        if self.likelihood == "bernoulli":
            # log p = x a - log(1 + e^a), in the form that cannot overflow.
            soft = xp.log1p(xp.exp(-xp.abs(decoded))) + xp.maximum(decoded, xp.zeros_like(decoded))
            likelihood = image * decoded - soft
        else:
            constant = math.log(self.scale) + 0.5 * math.log(2.0 * math.pi)
            likelihood = -0.5 * ((image - decoded) / self.scale) ** 2 - constant
        divergence = 0.5 * xp.sum(mean**2 + xp.exp(logvar) - 1.0 - logvar, axis=-1)
        own = tuple(range(mean.ndim - 1, decoded.ndim))  # the axes of one image
        return xp.sum(likelihood, axis=own) - beta * divergence

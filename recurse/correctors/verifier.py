"""Verification: synthetic samples are kept with one probability if correct, another if wrong."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recurse.correctors import Corrector, Origin, Prepared, without_labels
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source
from recurse.spec import Spec

Probability = Annotated[float, Field(ge=0, le=1)]


class Reference(Spec):
    """Samples that a reference model takes for correct: labels near its own, or points near its
    centre.

    The reference is the truth moved by ``offset`` along ``(1, ..., 1)/sqrt(d)``: the coefficients
    of a regression, the mean of a normal distribution.
    """

    offset: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0
    """The distance of the reference from the truth."""
    tolerance: Annotated[float, Field(ge=0, le=1e9)]
    """``sigma_c``: the largest accepted ``|y - x.c|`` of a label, or ``||x - c||`` of a point."""
    radius: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    """Labels only: ``radius ||x||`` is added to the tolerance."""


class Verifier(Corrector):
    """A sample that is correct is kept with probability ``phi``, a wrong one with ``psi``.

    What is wrong is told by one of: ``error`` (Feng et al., Theorem 4.2: the generator's labels
    are turned, ``y -> -y``, with that probability whatever the inputs, and a turned label is
    wrong); ``reference`` (Yi et al.: what a reference model does not accept is wrong); ``accepts``
    (all other symbols are wrong). A rejected sample gets weight 0; ``corrected_share`` is the share
    rejected. If all samples of a fit are rejected, the replicate is recorded as failed there.
    """

    kind: Literal["verifier"] = "verifier"
    cite = "Feng et al. 2406.07515, Theorem 4.2; Yi et al. 2510.16657"
    origin: ClassVar[Origin] = "external verifier"
    weighs: ClassVar[bool] = True
    phi: Probability = 1.0
    """The probability that a correct sample is kept."""
    psi: Probability = 0.0
    """The probability that a wrong sample is kept."""
    error: Probability | None = None
    """The rate of wrong labels of the generator; they are turned before verification."""
    reference: Reference | None = None
    accepts: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """The symbols that are correct."""

    @model_validator(mode="after")
    def _one_judge(self) -> Verifier:
        if sum(way is not None for way in (self.error, self.reference, self.accepts)) != 1:
            raise ValueError("give one of 'error', 'reference' and 'accepts'")
        if self.phi == self.psi == 0:
            raise ValueError("'phi' and 'psi' are both 0: nothing would be kept")
        return self

    @property
    def kept_error(self) -> float:
        """The share of wrong labels among the kept ones: ``p psi / (p psi + (1-p) phi)``."""
        assert self.error is not None
        wrong = self.error * self.psi
        return wrong / (wrong + (1.0 - self.error) * self.phi) if wrong else 0.0

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        if self.error is not None:
            if source.law == "linear":
                return without_labels(fields)
            return f"'error' turns the sign of a label, and source '{source.kind}' has none"
        if self.accepts is not None:
            return _unknown(source, fields, max(self.accepts))
        assert self.reference is not None
        if source.law not in ("linear", "gaussian"):
            return f"the true centre of source '{source.kind}' is not known"
        if source.law == "linear":
            return without_labels(fields)
        if self.reference.radius and "y" not in fields:
            return "'radius' widens the window of a label, and there are no labels"
        return None

    def prepare(self, streams: Streams, source: Source, real: Fields) -> Host:
        """The reference model's coefficients or mean, ``[R, d]``."""
        if self.reference is None:
            return {}
        truth = source.truth(streams)
        centre = truth["coef"] if "coef" in truth else truth["mean"]
        step = self.reference.offset / math.sqrt(centre.shape[1])
        return {"centre": np.asarray(centre + step, dtype=np.float64)}

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        keep = streams.draw(generation, "corrector/keep", Uniform((n,)))
        found: dict[str, NDArray[Any]] = {"keep": keep}
        if self.error is not None:
            turned = streams.draw(generation, "corrector/turn", Uniform((n,)))
            found["wrong"] = turned < self.error
        return found

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        if self.error is not None:
            wrong = draws["wrong"]
            batch = {**batch, "y": xp.where(wrong, -batch["y"], batch["y"])}
        elif self.accepts is not None:
            wrong = xp.ones_like(draws["keep"]) > 0.0
            for symbol in self.accepts:
                wrong = xp.logical_and(wrong, batch["symbol"] != symbol)
        else:
            wrong = self._outside(xp, batch, prepared.learned["centre"])
        chance = self.phi + (self.psi - self.phi) * xp.astype(wrong, xp.float64)
        weight = xp.astype(draws["keep"] < chance, xp.float64)
        return Batch(batch, weight=weight), xp.mean(1.0 - weight, axis=1)

    def _outside(self, xp: Any, batch: Arrays, centre: Array) -> Array:
        """True for the samples that the reference does not accept, ``[R, n]``."""
        assert self.reference is not None
        x = batch["x"]
        if "y" not in batch:
            gap = xp.sqrt(xp.sum((x - centre[:, None, :]) ** 2, axis=-1))
            return gap > self.reference.tolerance
        gap = xp.abs(batch["y"] - xp.matmul(x, centre[..., None])[..., 0])
        length = xp.sqrt(xp.sum(x**2, axis=-1))
        return gap > self.reference.radius * length + self.reference.tolerance


def _unknown(source: Source, fields: tuple[str, ...], last: int) -> str | None:
    """The reason why symbols up to ``last`` cannot be accepted (some never come), or None."""
    if "symbol" not in fields:
        return f"'accepts' names symbols, not {fields}"
    size = getattr(source, "alphabet", None)
    if size is not None and last >= size:
        return f"'accepts' names symbol {last}, and there are {size}, numbered from 0"
    return None

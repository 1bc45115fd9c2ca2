"""Detection: whatever looks generated weighs less, real data too; the detector may be wrong."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from recurse.correctors import Corrector, Origin, Prepared
from recurse.numerics.arrays import Array, Arrays, Batch, Host
from recurse.numerics.streams import Normal, Streams
from recurse.sources import Source


class Detector(Corrector):
    """Scores ``c = 1 / (1 + e^-s)`` with ``s ~ N(-m/2, 1)`` for real samples, ``N(m/2, 1)`` else.

    ``m = sqrt(2) Phi^-1(auc)``: a synthetic sample scores higher than a real one with probability
    ``auc``. ``weights``: a sample weighs ``(1 - c)^power``, divided by what real ones weigh on
    average. ``filter``: the share ``fpr`` of the real samples with the highest scores is left out,
    and with it ``Phi(m - Phi^-1(1 - fpr))`` of the synthetic ones.

    Scores are independent of what the samples say. Real data are screened once, before the first
    fit; fresh data when they come. ``corrected_share`` is the share of the synthetic weight that is
    missing (``weights``: it can be negative) or of samples left out.
    """

    kind: Literal["detector"] = "detector"
    cite = "Drayson et al. 2502.15654 (weights (1 - c)^10)"
    origin: ClassVar[Origin] = "external verifier"
    weighs: ClassVar[bool] = True
    auc: Annotated[float, Field(ge=0.5, lt=1)]
    """The probability that a synthetic sample scores above a real one; 0.5 is a useless one."""
    use: Literal["weights", "filter"] = "weights"
    power: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Of ``weights``; 0 weighs all alike."""
    fpr: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of ``filter``: the share of real samples that is left out."""

    @model_validator(mode="after")
    def _threshold(self) -> Detector:
        if (self.use == "filter") != (self.fpr is not None):
            raise ValueError("'filter' needs 'fpr', and 'weights' has none")
        return self

    @property
    def shift(self) -> float:
        """``m``: how far the scores of synthetic samples lie above, before ``Phi``."""
        from scipy.special import ndtri

        return float(np.sqrt(2.0) * ndtri(self.auc))

    @property
    def tpr(self) -> float:
        """Of ``filter``: the share of synthetic samples that is left out."""
        from scipy.special import ndtr, ndtri

        assert self.fpr is not None
        return float(ndtr(self.shift - ndtri(1.0 - self.fpr)))

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        return {"weight": self._weights(streams, generation, "corrector", n, True)}

    def screen(
        self, streams: Streams, generation: int, purpose: str, n: int
    ) -> NDArray[np.float64] | None:
        return self._weights(streams, generation, purpose, n, False)

    def _weights(
        self, streams: Streams, generation: int, purpose: str, n: int, synthetic: bool
    ) -> NDArray[np.float64]:
        from scipy.special import expit, ndtri

        z = streams.draw(generation, f"{purpose}/score", Normal((n,)))
        above = self.shift if synthetic else 0.0
        if self.fpr is not None:
            return np.asarray(z + above <= ndtri(1.0 - self.fpr), dtype=np.float64)
        return np.asarray(expit(self.shift / 2.0 - above - z) ** self.power / self._usual)

    @property
    def _usual(self) -> float:
        """``E (1 - c)^power`` of real samples."""
        from scipy.special import expit

        points, weights = np.polynomial.hermite_e.hermegauss(100)
        values = expit(self.shift / 2.0 - points) ** self.power
        return float(weights @ values / weights.sum())

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        return Batch(batch, weight=draws["weight"]), xp.mean(1.0 - draws["weight"], axis=1)

"""Variational Bayesian unlearning: what synthetic data taught is taken out of the posterior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from recurse.correctors import Corrector, Origin, Prepared, truncated
from recurse.families import Family
from recurse.numerics.arrays import Array, Arrays, Batch, Fields, Host
from recurse.numerics.streams import Streams, Uniform
from recurse.sources import Source
from recurse.sources.linear_regression import Regression

_NEWTON = 25
_SETTLED = 1e-9


class Unlearn(Corrector):
    """After each fit, divide the likelihood of the flagged synthetic samples out of the posterior.

    For ``linear`` with a ``prior``. The evidence upper bound ``E_q log p_adj(D_e|w) + KL(q || q0)``
    is minimised over normal laws q: q0 is the posterior of all data, ``p_adj`` the likelihood of
    the flagged data where ``q0 > threshold max q0`` and 1 elsewhere. Let A be the Gram matrix of
    the fit with the prior, m its moment, G and g those of the flagged data.

    ``threshold: 0``: precision ``A - G`` and mean ``(A - G)^-1 (m - g)``, the model retrained
    without them. With ``posterior: mean_field`` q0 has precision ``diag A``, q ``diag(A - G)``, and
    its mean u solves ``(diag A - G) u = diag(A) w - g``; where ``diag A - G`` is not positive
    definite the bound has no minimum and the replicate is recorded as failed. ``threshold: 1``
    changes nothing.

    In between q is where the gradient vanishes that the published code follows: that of samples
    ``u + L e`` with what lies inside the threshold held fixed. (The gradient of the bound has one
    more term, the likelihood at the edge, which depends on the units of the labels.) Found to 1e-9;
    the divergence from retraining is right to 1e-6 of itself, see recurse.correctors.truncated.
    """

    kind: Literal["unlearn"] = "unlearn"
    cite = "Nguyen et al. 2010.12883; code qphong/variational-bayesian-unlearning (unlearn.py)"
    origin: ClassVar[Origin] = "external verifier"
    marks: ClassVar[bool] = True
    flagged: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of synthetic samples that is known to be synthetic (a tag's recall)."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.0
    """``lambda`` of the adjusted likelihood: 0, or from 1e-12 to 1."""
    posterior: Literal["exact", "mean_field"] = "exact"
    """``mean_field``: coefficients are taken for independent."""

    def refusal(self, source: Source, fields: tuple[str, ...]) -> str | None:
        if not isinstance(source, Regression):
            return f"unlearns labels of a linear regression, not samples of '{source.kind}'"
        if source.noise == 0:
            return "without noise in the labels the posterior is a point"
        if 0 < self.threshold < 1 and source.dim > truncated.WIDEST:
            return f"a threshold is integrated in up to {truncated.WIDEST} dimensions"
        if 0 < self.threshold < 1e-12:
            return "a threshold below 1e-12 is one of 0"
        return None

    def suits(self, family: Family[Any]) -> str | None:
        if getattr(family, "prior", 0.0):
            return None
        return f"model '{family.kind}' has no posterior; 'prior' of family 'linear' gives it one"

    def prepare(self, streams: Streams, source: Source, real: Fields) -> Host:
        """The variance of the label noise, ``[R]``."""
        assert isinstance(source, Regression)
        return {"noise_variance": np.full(len(streams.seeds), source.noise**2)}

    def draws(self, streams: Streams, source: Source, generation: int, n: int) -> Host:
        found = streams.draw(generation, "corrector/found", Uniform((n,)))
        return {"found": found < self.flagged}

    def correct(
        self, xp: Any, batch: Arrays, prepared: Prepared, draws: Arrays
    ) -> tuple[Batch, Array]:
        mark = xp.astype(draws["found"], xp.float64)
        return Batch(batch, mark=mark), xp.mean(mark, axis=1)

    def adjust(
        self, call: Callable[..., Any], params: Arrays, previous: Arrays, prepared: Prepared
    ) -> Arrays:
        if not 0 < self.threshold < 1:
            return dict(call("divided", params, prepared))
        state = call("whitened", params, prepared)
        for _ in range(_NEWTON):
            state = call("step", state)
            if bool(call("settled", state)):
                break
        return dict(call("returned", params, prepared, state))

    def divided(self, xp: Any, params: Arrays, prepared: Prepared) -> dict[str, Array]:
        """The closed form, with all or nothing unlearned."""
        before = self._before(xp, params["precision"])
        gram = prepared.marked["gram"]
        score = prepared.marked["moment"] - _times(xp, gram, params["coef"])
        if self.threshold == 1:
            gram, score = xp.zeros_like(gram), xp.zeros_like(score)
        left = before - gram
        sound = _definite(xp, left)
        eye = xp.eye(left.shape[-1], dtype=xp.float64)[None, ...]
        left = xp.where(sound[:, None, None], left, eye)
        mean = params["coef"] - xp.linalg.solve(left, score[..., None])[..., 0]
        precision = self._before(xp, left)
        return self._kept(xp, params, prepared, mean, precision, sound)

    def whitened(self, xp: Any, params: Arrays, prepared: Prepared) -> dict[str, Array]:
        """Coordinates in which q0 is standard normal: ``coef = w + root z``."""
        before = self._before(xp, params["precision"])
        variance = prepared.learned["noise_variance"][:, None, None]
        eye = xp.eye(before.shape[-1], dtype=xp.float64)[None, ...] + xp.zeros_like(before)
        sound = _definite(xp, before)[:, None, None]
        inverse = xp.linalg.solve(xp.where(sound, before, eye), eye)
        root = xp.linalg.cholesky(0.5 * (inverse + xp.matrix_transpose(inverse)))
        turned, gram = xp.matrix_transpose(root), prepared.marked["gram"]
        score = prepared.marked["moment"] - _times(xp, gram, params["coef"])
        return {
            "root": root,
            "hessian": xp.matmul(turned, xp.matmul(gram, root)),
            "slope": _times(xp, turned, score) / xp.sqrt(variance[..., 0]),
            "mean": xp.zeros_like(score),
            "lower": eye,
            "error": xp.full_like(score[:, 0], xp.inf),
        }

    def step(self, xp: Any, state: Arrays) -> dict[str, Array]:
        """A step of Newton's method; what has settled stays, whatever its neighbours do."""
        moved = truncated.newton(xp, state, self.threshold, self.posterior == "exact")
        done = state["error"] < _SETTLED
        kept = {}
        for name, values in moved.items():
            mask = xp.reshape(done, done.shape + (1,) * (values.ndim - 1))
            kept[name] = xp.where(mask, state[name], values)
        return {**state, **kept}

    def settled(self, xp: Any, state: Arrays) -> Array:
        return xp.all(state["error"] < _SETTLED)

    def returned(
        self, xp: Any, params: Arrays, prepared: Prepared, state: Arrays
    ) -> dict[str, Array]:
        """The kept model from its mean and factor in whitened coordinates."""
        scale = xp.sqrt(prepared.learned["noise_variance"])[:, None]
        mean = params["coef"] + scale * _times(xp, state["root"], state["mean"])
        eye = xp.eye(mean.shape[-1], dtype=xp.float64)[None, ...]
        factor = xp.matmul(state["root"], state["lower"])
        inverse = xp.linalg.solve(factor, eye + xp.zeros_like(factor))
        precision = xp.matmul(xp.matrix_transpose(inverse), inverse)
        return self._kept(xp, params, prepared, mean, precision, state["error"] < _SETTLED)

    def _before(self, xp: Any, precision: Array) -> Array:
        if self.posterior == "exact":
            return precision
        return precision * xp.eye(precision.shape[-1], dtype=xp.float64)[None, ...]

    def _kept(
        self,
        xp: Any,
        params: Arrays,
        prepared: Prepared,
        mean: Array,
        precision: Array,
        sound: Array,
    ) -> dict[str, Array]:
        """The model and its divergence from retraining; NaN where it is not ``sound``."""
        target = params["precision"] - prepared.marked["gram"]
        score = prepared.marked["moment"] - _times(xp, prepared.marked["gram"], params["coef"])
        sound = xp.logical_and(sound, _definite(xp, target))
        eye = xp.eye(mean.shape[-1], dtype=xp.float64)[None, ...] + xp.zeros_like(precision)
        target = xp.where(sound[:, None, None], target, eye)
        precision = xp.where(sound[:, None, None], precision, eye)
        gap = mean - params["coef"] + xp.linalg.solve(target, score[..., None])[..., 0]
        lower, above = (xp.linalg.cholesky(a) for a in (target, precision))
        spread = xp.linalg.solve(above, lower)
        logs = xp.log(xp.linalg.diagonal(above)) - xp.log(xp.linalg.diagonal(lower))
        distance = (
            xp.sum(gap * _times(xp, target, gap), axis=1) / prepared.learned["noise_variance"]
        )
        divergence = xp.sum(spread**2, axis=(1, 2)) - mean.shape[-1] + distance
        divergence = 0.5 * divergence + xp.sum(logs, axis=1)
        lost = xp.where(sound, xp.zeros_like(divergence), xp.full_like(divergence, float("nan")))
        return {
            **params,
            "coef": mean + lost[:, None],
            "precision": precision + lost[:, None, None],
            "divergence": divergence + lost,
        }


def _times(xp: Any, matrix: Array, vector: Array) -> Array:
    return xp.matmul(matrix, vector[..., None])[..., 0]


def _definite(xp: Any, matrix: Array) -> Array:
    """True if matrices are finite and positive definite, ``[R]``."""
    finite = xp.isfinite(xp.sum(matrix, axis=(1, 2)))
    safe = xp.where(finite[:, None, None], matrix, xp.zeros_like(matrix))
    values = xp.linalg.eigvalsh(safe)
    return xp.logical_and(finite, values[:, 0] > 1e-14 * values[:, -1])

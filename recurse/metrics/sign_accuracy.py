"""Accuracy of the classifier that a regression makes: the sign of its prediction."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, Needs, View, has_parameters
from recurse.numerics.arrays import Array
from recurse.sources import Source


class SignAccuracy(Metric):
    """``P(sign x.w_g = sign x.w*)`` for normal inputs: ``1 - angle(w_g, w*) / pi``.

    The angle is that of the inner product ``w' Sigma w*``, with Sigma the covariance of the inputs.
    A model of zero coefficients has accuracy 1/2.
    """

    kind: Literal["sign_accuracy"] = "sign_accuracy"
    cite = "Feng et al. 2406.07515, section 4 (accuracy of a linear classifier)"
    needs: ClassVar[Needs] = ("truth",)
    label: ClassVar[str] = "accuracy of the sign"
    worse: ClassVar[Literal["up", "down"]] = "down"
    speaks: ClassVar[frozenset[int]] = frozenset({2})

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if family.kind != "linear":
            return "is the accuracy of a linear regression's sign"
        return has_parameters(source, family, "coefficients")

    def measure(self, xp: Any, view: View) -> Array:
        fitted, true = view.params["coef"], view.truth["coef"]
        across = view.truth["variance"] * true
        inner = xp.sum(fitted * across, axis=1)
        own = xp.sum(fitted * (view.truth["variance"] * fitted), axis=1)
        other = xp.sum(true * across, axis=1)
        # The angle by its tangent: a cosine of nearly 1 has lost half of its digits.
        rest = xp.sqrt(xp.clip(own * other - inner**2, min=0.0))
        return 1.0 - xp.atan2(rest, inner) / math.pi

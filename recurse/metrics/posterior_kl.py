"""The divergence of a posterior that a corrector has changed from the one that it stands for."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from recurse.families import Family
from recurse.metrics import Metric, View
from recurse.numerics.arrays import Array
from recurse.sources import Source


class PosteriorKl(Metric):
    """``KL(q || p)`` in nats of the model's posterior q to p, the exact one.

    After unlearning p is the posterior of the data that are left, as retraining would give it. A
    model that no corrector has changed is its own p: 0.
    """

    kind: Literal["posterior_kl"] = "posterior_kl"
    cite = "Nguyen et al. 2010.12883 (in the place of their averaged predictive KL)"
    label: ClassVar[str] = "KL to the retrained posterior (nats)"

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        if getattr(family, "prior", 0.0):
            return None
        return f"model '{family.kind}' has no posterior; 'prior' of family 'linear' gives it one"

    def measure(self, xp: Any, view: View) -> Array:
        return view.params["divergence"]

"""Zhu et al. (ToEdit): the risk when in every generation a share of the labels is written anew.

To leading order in d/T, in units of the first fit's risk: let ``N_g`` be the part of the error of
fit g that the label noise of its data makes, and ``D_g`` the part that earlier models handed down
in edited labels. With a share f edited by the model of g - 1

    ``D_g = D' + f (D_(g-1) + N_(g-1))``

where ``D' = D_(g-1)`` if the edited labels were never edited before (disjoint), and
``(1 - f) D_(g-1)`` if they are picked anew (overlapping). ``E N_g N_h`` is the share of labels that
g and h have in common. Disjoint: one edit gives ``1 + 2f - f^2``, editing all in small steps
``2e - 1``. The published constant is 2: its proof takes the fitted noise for the noise. Overlapping
edits have no bound.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.law import Curve, Law, usage_of
from recurse.theory.linear_risk import least_squares_refusal
from recurse.theory.moments import Vector
from recurse.theory.workflow import workflow

CITE = "setting of Zhu et al. 2412.14689; recursion and the constant 2e - 1 derived here"


class Zhu(Law):
    """Edited labels of a linear regression with a reused design."""

    name: ClassVar[str] = "zhu"
    families: ClassVar[tuple[str, ...]] = ("linear",)
    metrics: ClassVar[tuple[str, ...]] = ("excess_risk",)

    def refusal(self, arm: Any) -> str | None:
        if arm.corrector.kind != "edit_labels":
            return "stated for edited labels"
        reason = least_squares_refusal(arm)
        if reason is not None:
            return reason
        if arm.sampler.kind != "none":
            return f"no law for sampler {arm.sampler.kind}"
        flow = workflow(usage_of(arm))
        return None if flow and flow.kind == "replace" else "stated for replace with equal counts"

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        dim, size = arm.source.dim, usage_of(arm).fits[0].size
        first = arm.source.noise**2 * dim / (size - dim - 1)
        disjoint = arm.corrector.edits == "disjoint"
        shares = np.full(arm.generations + 1, arm.corrector.share)
        if disjoint:
            done = np.minimum(arm.corrector.share * np.arange(arm.generations + 1), 1.0)
            shares[1:] = np.diff(done)
        values = first * edited_risk(shares, disjoint)
        found = [Curve("excess_risk", "asymptotic", "large n: edited labels", values, CITE)]
        if disjoint:
            bound = np.full_like(values, first * (2 * np.e - 1))
            found.append(Curve("excess_risk", "bound", "upper bound 2e - 1", bound, CITE))
        return tuple(found)


def edited_risk(shares: Vector, disjoint: bool) -> Vector:
    """Risk in units of the first fit's; ``shares[g]`` is what generation g edits, ``[G+1]``."""
    count = len(shares)
    handed = np.zeros((count, count))  # D_g as a combination of N_0 .. N_(g-1)
    for g in range(1, count):
        kept = 1.0 if disjoint else 1.0 - shares[g]
        handed[g] = (kept + shares[g]) * handed[g - 1]
        handed[g, g - 1] += shares[g]
    weights = handed + np.eye(count)
    edits = np.concatenate([[0.0], shares[1:]])
    if disjoint:
        done = np.cumsum(edits)
        common = 1.0 - np.abs(done[:, None] - done[None, :])
    else:
        left = np.log(np.maximum(1.0 - edits, 1e-300)).cumsum()
        common = np.exp(-np.abs(left[:, None] - left[None, :]))
    return np.asarray(((weights @ common) * weights).sum(axis=1), dtype=np.float64)

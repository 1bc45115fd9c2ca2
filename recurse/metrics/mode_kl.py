"""The divergence of the shares of the source's modes from the true ones."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from recurse.families import Family
from recurse.metrics import Needs, Sampled, View
from recurse.metrics.mode_coverage import gap_numbers, gaps, without_modes
from recurse.numerics.arrays import Array
from recurse.sources import Source


class ModeKl(Sampled):
    """``sum_k s_k log(s_k / w_k)`` in nats: samples belong to the mode that is nearest.

    For modes far apart it is at most ``KL(model || source)``: joining points loses information.
    """

    kind: Literal["mode_kl"] = "mode_kl"
    version: ClassVar[int] = 2
    cite = "Ferbach et al. 2407.09499, Theorem 2.4 (a bound on KL(p_t || p_ref))"
    needs: ClassVar[Needs] = ("truth", "samples")
    label: ClassVar[str] = "divergence of the shares of modes"
    samples: Annotated[int, Field(ge=50, le=100_000)] = 1000
    """Samples drawn per model."""

    def refusal(self, source: Source, family: Family[Any]) -> str | None:
        return without_modes(source, family)

    def beside(self, source: Source) -> int:
        return gap_numbers(source, self.samples)

    def measure(self, xp: Any, view: View) -> Array:
        gap = gaps(xp, view, self.samples)
        order = xp.arange(gap.shape[2])[None, None, :]
        member = xp.argmin(gap, axis=2)[..., None] == order
        shares = xp.mean(xp.astype(member, xp.float64), axis=1)
        safe = xp.where(shares > 0.0, shares, xp.ones_like(shares))
        return xp.sum(shares * xp.log(safe / view.truth["weights"]), axis=1)

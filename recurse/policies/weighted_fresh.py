"""New real data in every generation, with a chosen weight against the synthetic samples."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from recurse.policies import Policy
from recurse.schedule import Pool, Row, Use


class WeightedFresh(Policy):
    """Train on ``w`` times the fresh real data plus ``1 - w`` times those of the last model.

    With n fresh and m synthetic samples every real one weighs ``w (n + m) / n`` and every synthetic
    one ``(1 - w)(n + m) / m``, so that the total weight is the number of samples. The fit is the
    weighted one of all samples together: its mean is ``w real + (1 - w) synthetic``, its covariance
    also holds ``w (1 - w)`` times the squared distance of the two means, which is of order 1/n.
    """

    kind: Literal["weighted_fresh"] = "weighted_fresh"
    cite = "He, Xu, Cheng 2502.18049"
    w: Annotated[float, Field(ge=0, le=1)] | Literal["optimal"] = "optimal"
    """Share of the fresh real data; ``optimal`` is the best one in the long run for ``k = n/m``,
    ``(sqrt(k^2 + 4k) - k) / 2``: 0.618 (the golden ratio) for as many real as synthetic."""

    def row(self, generation: int, real: int, synthetic: int, fresh: int) -> Row:
        w = optimal(fresh, synthetic) if self.w == "optimal" else self.w
        both = (
            (Pool("fresh", generation), fresh, w),
            (Pool("synthetic", generation), synthetic, 1.0 - w),
        )
        used = [(pool, take, share) for pool, take, share in both if take and share]
        total = sum(take for _, take, _ in used)
        shares = sum(share for _, _, share in used)
        uses = tuple(Use(pool, take, share / shares * total / take) for pool, take, share in used)
        return Row(generation, synthetic, fresh, uses)


def optimal(fresh: int, synthetic: int) -> float:
    """The weight of the real data that has the least error in the long run (He et al., k = n/m)."""
    if synthetic == 0:
        return 1.0
    k = fresh / synthetic
    return (math.sqrt(k * k + 4.0 * k) - k) / 2.0

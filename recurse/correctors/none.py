"""No corrector."""

from __future__ import annotations

from typing import Literal

from recurse.correctors import Corrector


class NoCorrector(Corrector):
    """Synthetic samples are used as they are."""

    kind: Literal["none"] = "none"

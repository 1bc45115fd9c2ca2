"""The model's own law."""

from __future__ import annotations

from typing import Literal

from recurse.samplers import Sampler


class NoSampler(Sampler):
    """Synthetic data are drawn from the model as it is."""

    kind: Literal["none"] = "none"

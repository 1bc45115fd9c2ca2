"""What the server of processes imports and does once, so that no life has to: a fork finds it done.

No database is opened and no thread started here: neither bears being forked.
"""

from __future__ import annotations

from typing import Any

import polars  # noqa: F401
import recurse_reports  # noqa: F401
import scipy.special  # noqa: F401

from recurse.cli import app, ending, progress, reporting, stores  # noqa: F401
from recurse.planning.judgeable import theory
from recurse.planning.planner import plan
from recurse.running import check, run  # noqa: F401
from recurse.scenario.scenario import load

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "soak",
    "source": {"kind": "gaussian", "dim": 2},
    "model": "gaussian",
    "samples": {"real": 20, "synthetic": 20},
    "generations": 40,
    "seeds": 3,
    "backend": "numpy",
    "matrix": {"policy": ["replace", "accumulate_subsample"]},
    "metrics": ["mean_error", "variance_ratio"],
}

for _arm in plan(load(SPEC)).arms:
    theory(_arm.arm)

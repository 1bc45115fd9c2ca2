"""A scenario of one arm that is done at once."""

from __future__ import annotations

from typing import Any

SPEC: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "source": {"kind": "gaussian", "dim": 1},
    "model": {"kind": "gaussian"},
    "policy": "replace",
    "samples": {"real": 10, "synthetic": 10},
    "generations": 3,
    "seeds": 4,
    "backend": "numpy",
    "metrics": ["mean_error"],
}

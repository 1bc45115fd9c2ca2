"""One thread, and compiled programs kept beside pytest's own cache instead of the user's."""

from __future__ import annotations

import os

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_configure(config: pytest.Config) -> None:
    cache = getattr(config, "cache", None)
    if cache is not None:
        os.environ.setdefault("RECURSE_CACHE_DIR", str(cache.mkdir("programs")))

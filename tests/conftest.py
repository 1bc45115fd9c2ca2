"""One thread, signals as a terminal sets them, compiled programs beside pytest's own cache."""

from __future__ import annotations

import os
import signal

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def pytest_configure(config: pytest.Config) -> None:
    from recurse.store.signals import STOP  # after the threads are set

    for number in STOP:
        # A parent may have had them ignored (nohup, "&" in a script); recurse leaves them so.
        if signal.getsignal(number) is signal.SIG_IGN:
            usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, usual)
    cache = getattr(config, "cache", None)
    if cache is not None:
        os.environ.setdefault("RECURSE_CACHE_DIR", str(cache.mkdir("programs")))

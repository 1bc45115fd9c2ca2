"""Named steps at which a test can kill the process: ``RECURSE_FAULT=ingest.after_commit:3``."""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    "stage.before_fsync",
    "stage.before_rename",
    "stage.after_rename",
    "stage.after_commit",
    "checkpoint.after_state",
    "checkpoint.before_rename",
    "checkpoint.after_rename",
    "checkpoint.after_prune",
    "open.after_lock",
    "open.after_connect",
    "open.after_schema",
    "recover.after_copy",
    "recover.after_unlink",
    "begin.before_commit",
    "begin.after_commit",
    "put.before_commit",
    "put.after_commit",
    "ingest.after_read",
    "ingest.after_generations",
    "ingest.before_commit",
    "ingest.after_commit",
    "publish.after_checkpoint",
    "publish.after_copy",
    "publish.before_rename",
    "publish.after_rename",
    "publish.after_prune",
    "publish.between_unlinks",
    "publish.after_unlinks",
    "close.before_disconnect",
    "close.after_disconnect",
)
"""Every step with a name, in the order in which a run passes them."""

_passed: Counter[str] = Counter()


def fault(point: str) -> None:
    """Kill this process (SIGKILL) at the n-th passing of the step named by ``RECURSE_FAULT``."""
    wanted = os.environ.get("RECURSE_FAULT")
    if wanted is None:
        return
    name, _, nth = wanted.partition(":")
    if name == point:
        _passed[point] += 1
        if _passed[point] == int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)

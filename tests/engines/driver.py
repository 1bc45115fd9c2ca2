"""A run in a process of its own, to be killed: STORE SPEC EVERY."""

from __future__ import annotations

import sys

from recurse.running.run import run

if __name__ == "__main__":
    store, spec, every = sys.argv[1:]
    result = run(spec, store, jobs=2, every=float(every))
    print("failures", len(result.failures), flush=True)

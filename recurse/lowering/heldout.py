"""Held-out data that are training data are refused: a model would be measured on what it knows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from recurse.numerics.arrays import Host
from recurse.sources import Source
from recurse.spec import BrokenKind

CHANCE = 1e-12
"""Equal draws less likely than that by chance are the same draw."""
_TEXT = "hands out held-out data that are rows of the real sample, which tell nothing"
_ODD = np.uint64(0x9E3779B97F4A7C15)


def refuse_training_data(source: Source, heldout: Host, real: Host) -> None:
    """Compare the held-out data of a block with its real sample.

    Where no two rows of a sample are equal, equal rows are the same row: more than half of either
    batch may not be in the other. Where rows repeat by nature (symbols, counts), the two draws may
    not agree row by row, unless that is likely to happen by chance.

    Args:
        source: where both come from.
        heldout: fields ``[m, ...]`` shared by the replicates, or ``[R, m, ...]``; may be empty.
        real: the real sample, fields ``[R, n, ...]``.

    Raises:
        BrokenKind: the held-out data of a replicate are its real sample, or a part of it.
    """
    names = sorted(heldout.keys() & real.keys())
    if not names:
        return
    replicates = len(real[names[0]])
    each = len(heldout[names[0]]) == replicates and heldout[names[0]].ndim == real[names[0]].ndim
    doubt = 0.0
    for replicate in range(replicates):
        known = _hashes([real[name][replicate] for name in names])
        test = _hashes([heldout[name][replicate] if each else heldout[name] for name in names])
        length = min(len(test), len(known))
        found, place, counts = np.unique(known, return_inverse=True, return_counts=True)
        if len(found) == len(known):
            if 2 * len(np.intersect1d(known, test)) > length:
                raise BrokenKind(source, _TEXT)
        elif (known[:length] != test[:length]).any():
            return
        else:
            doubt -= float(np.log(counts[place[:length]] / len(known)).sum())
    if doubt > -math.log(CHANCE):
        raise BrokenKind(source, _TEXT)


def _hashes(fields: list[NDArray[np.generic]]) -> NDArray[np.uint64]:
    """A 64-bit number per row of some fields ``[n, ...]``, equal where all their values are."""
    total = np.zeros(len(fields[0]), dtype=np.uint64)
    for values in fields:
        kind = np.int64 if values.dtype.kind in "iub" else np.float64
        columns = values.reshape(len(values), -1).astype(kind).view(np.uint64)
        total = total * _ODD + _mixed(columns * _ODD) @ _mixed(np.arange(1, columns.shape[1] + 1))
    return total


def _mixed(numbers: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Every bit of a number spread over all 64 (the finaliser of SplitMix64)."""
    z = numbers.astype(np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))

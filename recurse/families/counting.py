"""Counting and drawing symbols with the array API: every row is a replicate, on any backend."""

from __future__ import annotations

from typing import Any

from recurse.backend import Array


def rank(xp: Any, rows: Array, queries: Array) -> Array:
    """How many numbers of each ascending row ``[R, m]`` are at most the query: ``[R, q]``.

    A bisection with a fixed number of steps. ``searchsorted`` of the standard takes one row.
    """
    m = rows.shape[1]
    place = xp.zeros(queries.shape, dtype=xp.int64)
    for bit in reversed(range(m.bit_length())):
        ahead = place + (1 << bit)
        value = xp.take_along_axis(rows, xp.clip(ahead, 1, m) - 1, axis=1)
        place = xp.where((ahead <= m) & (value <= queries), ahead, place)
    return place


def tally(xp: Any, symbols: Array, weights: Array, size: int) -> Array:
    """The weight ``[R, size]`` of each symbol among samples ``[R, n]``; exactly 0 where none is."""
    order = xp.argsort(symbols, axis=1)
    ascending = xp.take_along_axis(symbols, order, axis=1)
    heaped = xp.cumulative_sum(
        xp.take_along_axis(weights, order, axis=1), axis=1, include_initial=True
    )
    wanted = xp.broadcast_to(xp.arange(size, dtype=xp.int64)[None, :], (symbols.shape[0], size))
    upto = xp.take_along_axis(heaped, rank(xp, ascending, wanted), axis=1)
    return xp.concat([upto[:, :1], upto[:, 1:] - upto[:, :-1]], axis=1)


def pick(xp: Any, p: Array, uniform: Array) -> Array:
    """Symbols ``[R, n]`` drawn with probabilities ``[R, K]``; never one of probability zero."""
    heaped = xp.cumulative_sum(p, axis=1)
    # The last entry is exactly 1, so that a uniform number below 1 stays below it.
    return rank(xp, heaped / heaped[:, -1:], uniform)

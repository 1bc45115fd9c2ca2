"""Counting and drawing symbols with the array API: every row is a replicate, on any backend."""

from __future__ import annotations

from typing import Any

from recurse.numerics.arrays import Array

MOST_GRAMS = 4_194_304
"""Entries of a table of grams: 32 MiB for each replicate."""


def rank(xp: Any, rows: Array, queries: Array) -> Array:
    """The count of numbers of each ascending row ``[R, m]`` up to each query: ``[R, q]``.

    A bisection with a fixed number of steps. ``searchsorted`` of the standard takes one row.
    """
    return _bisect(xp, rows, 0, rows.shape[1], queries)


def tally(xp: Any, symbols: Array, weights: Array, size: int) -> Array:
    """The weight ``[R, size]`` of each symbol among samples ``[R, n]``; exactly 0 where none is."""
    order = xp.argsort(symbols, axis=1, stable=True)
    ascending = xp.take_along_axis(symbols, order, axis=1)
    ends = xp.cumulative_sum(
        xp.take_along_axis(weights, order, axis=1), axis=1, include_initial=True
    )
    wanted = xp.broadcast_to(xp.arange(size, dtype=xp.int64)[None, :], (symbols.shape[0], size))
    upto = xp.take_along_axis(ends, rank(xp, ascending, wanted), axis=1)
    return xp.concat([upto[:, :1], upto[:, 1:] - upto[:, :-1]], axis=1)


def running_sums(xp: Any, p: Array) -> Array:
    """Cumulative probabilities along the last axis; the last entry is exactly 1."""
    ends = xp.cumulative_sum(p, axis=-1)
    # So that a uniform number below 1 stays below it.
    return ends / ends[..., -1:]


def pick(xp: Any, p: Array, uniform: Array) -> Array:
    """Symbols ``[R, n]`` drawn with probabilities ``[R, K]``; never one of probability zero."""
    return rank(xp, running_sums(xp, p), uniform)


def follow(xp: Any, ends: Array, context: Array, uniform: Array) -> Array:
    """The next symbol ``[R, n]`` after each context ``[R, n]``.

    ``ends [R, C, V]`` are the running sums of the laws of the symbol after each of C contexts.
    """
    replicates, contexts, size = ends.shape
    flat = xp.reshape(ends, (replicates, contexts * size))
    return _bisect(xp, flat, context * size, size, uniform)


def digits(xp: Any, context: Array, contexts: int, size: int) -> list[Array]:
    """The symbols that a context stands for, its digits to the base ``size``, the oldest first."""
    found, power = [], contexts
    while power > 1:
        power //= size
        found.append(context // power % size)
    return found


def _bisect(xp: Any, flat: Array, base: Array | int, m: int, queries: Array) -> Array:
    """The count of the ``m`` ascending numbers from ``base`` on that are at most the query."""
    place = xp.zeros(queries.shape, dtype=xp.int64)
    for bit in reversed(range(m.bit_length())):
        ahead = place + (1 << bit)
        value = xp.take_along_axis(flat, base + (xp.clip(ahead, 1, m) - 1), axis=1)
        place = xp.where((ahead <= m) & (value <= queries), ahead, place)
    return place


def shape_of_grams(symbols: int, order: int) -> tuple[int, int] | str:
    """Contexts and symbols of a table of grams of ``order`` symbols; or why there is none."""
    if symbols**order > MOST_GRAMS:
        return (
            f"grams of {order} tokens, of {symbols} kinds each, need a table of "
            f"{symbols**order:.3g} probabilities; the most is {MOST_GRAMS}: take a smaller "
            "vocabulary or order"
        )
    return symbols ** (order - 1), symbols

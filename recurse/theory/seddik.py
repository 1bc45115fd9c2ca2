"""Seddik et al.: frequencies under replace collapse; a fixed real sample holds them in place."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurse.theory.frequencies import frequencies
from recurse.theory.law import Curve, Law, link_of
from recurse.theory.usage import Usage
from recurse.theory.workflow import workflow

CITE = "Seddik et al. 2404.05090 (two symbols); for any number derived in recurse.theory"
CITE_MIX = "derived in recurse.theory; the setting is that of Seddik et al. 2404.05090, section 3"


class Seddik(Law):
    """Replace: bounds on the chance of not having collapsed; mix and fresh: plateaus of the error.

    After t fits ``E (1 - sum p^2) = h (1 - 1/n)^t`` with ``h = 1 - sum q^2`` (drawn by
    ``categorical_moments``). A model of s symbols that is no point has ``1 - sum p^2`` at most
    ``1 - 1/s``, and after a fit on n samples at least ``2 (n - 1) / n^2``; so

        ``h (1 - 1/n)^t / (1 - 1/s) <= P(T > t) <= (n/2) h (1 - 1/n)^(t - 1)``.

    With N fixed real and n synthetic samples of the last model the error of the probabilities tends
    to ``h/N + h (1 - 1/N) n / (N^2 + 2 N n + n)``, of which the first is that of the real sample
    alone and the second at most ``n/N^2``. So the total variation to the truth never exceeds
    ``(1/sqrt N + sqrt n / N) sum sqrt(q (1 - q)) / 2`` (Jensen, and the root of a sum): the rate
    that the paper states, with a constant derived here. With N new real samples per generation the
    error tends to ``h (a^2/n + N/(N+n)^2) / (1 - a^2 (1 - 1/n))``, ``a = n/(N+n)``.

    Of n-grams with contexts given in turn: the same for each context with its share of the samples,
    averaged over contexts.
    """

    name: ClassVar[str] = "seddik"
    families: ClassVar[tuple[str, ...]] = ("categorical", "ngram")
    metrics: ClassVar[tuple[str, ...]] = ("l2_error", "tv_error", "uncollapsed")

    def refusal(self, arm: Any) -> str | None:
        tables = frequencies(arm)
        if isinstance(tables, str):
            return tables
        if tables.whole:
            return "stated for contexts that are given in turn"
        if arm.model.smoothing or link_of(arm) != 1.0:
            return "stated for relative frequencies of uncorrected data"
        flow = workflow(tables.usage)
        if (flow is None or flow.kind != "replace") and _constant(tables.usage) is None:
            return (
                "stated for replace with equal counts, and for one real sample, fixed or new, "
                "beside the samples of the last model"
            )
        return None

    def curves(self, arm: Any) -> tuple[Curve, ...]:
        tables = frequencies(arm)
        assert not isinstance(tables, str)
        used, spread = tables.usage, tables.spread
        fits = np.arange(1.0, arm.generations + 2)
        flow = workflow(used)
        if flow is not None and flow.kind == "replace":
            kept = 1.0 - 1.0 / flow.n
            each = np.sum(tables.laws * (1.0 - tables.laws), axis=1)[:, None]
            lower = spread * kept**fits / (1.0 - 1.0 / arm.source.alphabet)
            upper = np.minimum(1.0, flow.n / 2.0 * each * kept ** (fits - 1.0)).mean(axis=0)
            return (
                Curve("uncollapsed", "bound", "lower bound", lower, CITE),
                Curve("uncollapsed", "bound", "upper bound", upper, CITE),
            )
        found = _constant(used)
        assert found is not None
        fixed, real, n = found
        if fixed:
            level = 1.0 / real + (1.0 - 1.0 / real) * n / (real**2 + 2.0 * real * n + n)
        else:
            a = n / (real + n)
            level = (a**2 / n + real / (real + n) ** 2) / (1.0 - a**2 * (1.0 - 1.0 / n))
        name = "many generations: plateau"
        plateau = np.full_like(fits, spread * level)
        drawn = [Curve("l2_error", "asymptotic", name, plateau, CITE_MIX)]
        if fixed:
            rate = tables.width * (1.0 / np.sqrt(real) + np.sqrt(n) / real)
            bound = np.full_like(fits, rate)
            drawn.append(Curve("tv_error", "bound", "O(sqrt n / N): upper bound", bound, CITE_MIX))
        return tuple(drawn)


def _constant(used: Usage) -> tuple[bool, int, int] | None:
    """True if the real sample is fixed, with its size and the synthetic one's; None if these vary.

    Every fit but the first sees one real sample and that of the last model, both whole and of
    weight 1.
    """
    later = list(enumerate(used.fits))[1:]
    if not later:
        return None
    kinds = set()
    for g, fit in later:
        counts = dict(zip(fit.pools.tolist(), fit.takes.tolist(), strict=True))
        synthetic = counts.pop(2 * g, 0)
        if fit.budget is not None or not np.all(fit.weights == 1) or len(counts) != 1:
            return None
        pool, real = counts.popitem()
        if not synthetic or pool not in (0, 2 * g + 1):
            return None
        kinds.add((pool == 0, real, synthetic))
    whole = kinds.pop()
    if kinds or (whole[0] and whole[1] != used.needed[0]):
        return None
    return whole

"""Short names of arms: unique, in the order of the axes, without what all share."""

from __future__ import annotations

import pytest
from recurse_reports.naming import short

CURATION = "curation(k={},values=[0.0, 0.2])"
NAMED: dict[str, tuple[list[dict[str, str]], list[str]]] = {
    "kinds": ([{"policy": "replace"}, {"policy": "mix"}], ["replace", "mix"]),
    "sizes": (
        [{"samples": "(real=100,synthetic=100)"}, {"samples": "(real=1000,synthetic=1000)"}],
        ["n = 100", "n = 1,000"],
    ),
    "pools that differ": (
        [
            {"samples": "(real=20,synthetic=100000000)"},
            {"samples": "(real=20,synthetic=150000,fresh=10)"},
        ],
        ["100M synthetic", "150,000 synthetic, 10 fresh"],
    ),
    "one kind, one argument": (
        [{"model": "gaussian(estimator=mle)"}, {"model": "gaussian(estimator=unbiased)"}],
        ["estimator mle", "estimator unbiased"],
    ),
    "arguments that all share": (
        [{"corrector": CURATION.format(2)}, {"corrector": CURATION.format(4)}],
        ["k 2", "k 4"],
    ),
    "several kinds": (
        [
            {"corrector": CURATION.format(2)},
            {"corrector": CURATION.format(4)},
            {"corrector": "none"},
        ],
        ["curation(k=2)", "curation(k=4)", "no corrector"],
    ),
    "a model of its source": (
        [
            {"model": "beta", "source": "beta(alpha=1)"},
            {"model": "beta", "source": "beta(alpha=2)"},
            {"model": "exponential", "source": "exponential"},
        ],
        ["beta(alpha=1)", "beta(alpha=2)", "exponential"],
    ),
    "metrics only where nothing else tells": (
        [{"metrics": "['a']", "policy": "replace"}, {"metrics.1.ridge": "0.1"}],
        ["replace", "ridge 0.1"],
    ),
    "metrics alone": (
        [{"metrics": "['a']"}, {"metrics": "['b']"}],
        ["metrics ['a']", "metrics ['b']"],
    ),
    "not unique": (
        [{"policy": "mix(a=1)", "x": "1"}, {"policy": "mix(a=1)", "y.x": "1"}],
        ["arm 0", "arm 1"],
    ),
    "nothing varies": ([{"policy": "replace"}], ["otherwise"]),
}


@pytest.mark.parametrize("case", NAMED)
def test_what_sets_an_arm_apart(case: str) -> None:
    axes, names = NAMED[case]
    arms = {f"arm {place}": found for place, found in enumerate(axes)}
    found = short(arms, dict.fromkeys(arms, "otherwise"))
    assert list(found) == list(arms)
    assert list(found.values()) == names

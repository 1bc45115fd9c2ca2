"""Trained models: the same law on every backend, over seeds.

Single trained models are never compared: Adam amplifies rounding.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.harness import change, simulate
from tests.neural_arms import ARMS, TRAINERS, trained
from tests.statistics_checks import z_test


@pytest.mark.parametrize("name", [name for name, arm in ARMS.items() if name == arm.model.kind])
def test_backends_train_to_the_same_distribution(name: str) -> None:
    """Paired by seed, data and initial weights: every metric of both generations, and the training
    loss, have the same mean (level 1e-6). Three standard deviations of a seed would be seen."""
    model = trained(ARMS[name].model, epochs=20, learning_rate=3e-3)  # type: ignore[arg-type]
    arm = change(ARMS[name], model=model)
    found = [simulate(change(arm, backend=b), 24) for b in TRAINERS]
    for other in found[1:]:
        assert other.metrics == found[0].metrics and "train_loss" in other.metrics
        for metric in other.metrics:
            left, right = found[0][metric].T, other[metric].T
            assert np.ptp(left, axis=0).min() > 0
            effect = z_test(left - right, np.zeros(left.shape[1]))
            assert (effect < 3.0 * left.std(axis=0)).all(), (metric, effect)

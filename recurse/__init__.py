"""Simulate generative models trained on what earlier models produced.

scenario = recurse.load("specs/quickstart.yaml")
print(recurse.plan(scenario))
result = recurse.run(scenario, store="runs")
recurse.Store("runs").summary()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurse.planning.plan import Plan
    from recurse.planning.planner import plan
    from recurse.reading.problems import Problem, Problems, RecurseError
    from recurse.running.run import Result, run
    from recurse.scenario.scenario import Scenario, load
    from recurse.store.reader import Store

_HOMES = {
    "Plan": "recurse.planning.plan",
    "Problem": "recurse.reading.problems",
    "Problems": "recurse.reading.problems",
    "RecurseError": "recurse.reading.problems",
    "Result": "recurse.running.run",
    "Scenario": "recurse.scenario.scenario",
    "Store": "recurse.store.reader",
    "load": "recurse.scenario.scenario",
    "plan": "recurse.planning.planner",
    "run": "recurse.running.run",
}

__version__ = "0.1.0"
__all__ = [
    "Plan",
    "Problem",
    "Problems",
    "RecurseError",
    "Result",
    "Scenario",
    "Store",
    "load",
    "plan",
    "run",
]


def __getattr__(name: str) -> Any:
    """Public names load their module when first used, so that `validate` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'recurse' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

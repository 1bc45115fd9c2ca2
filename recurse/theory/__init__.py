"""Theory drawn beside every measured curve: exact recursions for any schedule, bounds, asymptotes.

One file per law, discovered from this folder. Everything is float64 numpy on the host.
"""

from __future__ import annotations

from recurse.theory.law import Curve, Law, curves, laws

__all__ = ["Curve", "Law", "curves", "laws"]

"""Engines: who runs the blocks of a plan, and where."""

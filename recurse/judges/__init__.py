"""Judges say how good data are: rewards for curators, metrics and filters."""

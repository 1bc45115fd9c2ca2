"""Judges rate data: rewards for curators, metrics and filters."""

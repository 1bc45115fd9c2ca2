"""Modules of nets, for all replicates of a block at once: arrays are ``[R, n, ...]``."""

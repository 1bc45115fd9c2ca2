"""Modules of nets, for one replicate: arrays are ``[n, ...]``, and the trainer maps over them."""

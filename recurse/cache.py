"""The cache: its folder, and a fingerprint of the program that made an entry."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

_TEXTS = (".py", ".sql", ".html", ".css")


def folder(name: str) -> Path:
    """A folder in ``RECURSE_CACHE_DIR``, or in the user's cache directory; it may not exist."""
    own = os.environ.get("RECURSE_CACHE_DIR")
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own or Path(user) / "recurse") / name


def fingerprint(root: Path) -> str:
    """A hash of the program text below a folder: it changes with every edit."""
    found = blake2b(digest_size=6)
    for file in sorted(file for file in root.rglob("*") if file.suffix in _TEXTS):
        found.update(str(file.relative_to(root)).encode())
        found.update(file.read_bytes())
    return found.hexdigest()

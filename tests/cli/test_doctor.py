"""``recurse doctor``: the disk of the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurse.store import mounts
from tests.cli.conftest import Call


def test_backends_say_how_they_differ(call: Call) -> None:
    said = call("doctor").out
    for name, words in (("numpy", "closed-form"), ("torch", "compiles nothing"), ("jax", "1 GiB")):
        (line,) = [x for x in said.splitlines() if f"backend {name}: " in x]
        assert words in line


def test_the_disk_of_the_store(
    call: Call, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    monkeypatch.setattr(mounts, "MOUNTS", table)
    table.write_text("21 1 8:1 / / rw - ext4 /dev/x rw\n")
    said = call("doctor")
    assert said.code == 0 and "ok  disk: ext4 at /" in said.out
    table.write_text("21 1 8:1 / / rw - nfs4 server:/home rw\n")
    said = call("doctor")
    assert said.code == 1 and "bad disk: the store runs is on a network file system" in said.out
    said = call("run", spec)
    assert said.code == 2 and "RECURSE_NETWORK_STORE=1" in said.err
    monkeypatch.setenv(mounts.ALLOW, "1")
    assert "-   disk: " in call("doctor").out

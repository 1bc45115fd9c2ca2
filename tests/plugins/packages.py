"""Packages made of texts, installed by pip into a folder of their own."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = re.compile(r"^`([^`\n]+)`\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files(text: str) -> dict[str, str]:
    """The code blocks of a page by the path on the line above them."""
    return dict(BLOCK.findall(text))


def install(contents: Mapping[str, str], folder: Path) -> Path:
    """Install a package, given as its files, into ``folder / "site"``; nothing else is touched.

    The wheel is made here: a build backend would have to be downloaded. pip does the rest.
    """
    project = tomllib.loads(contents["pyproject.toml"])["project"]
    modules = {path: text for path, text in contents.items() if path.endswith(".py")}
    wheel = _wheel(project, modules, folder)
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(site), str(wheel)],
        check=True,
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
    )
    return site


class Said(NamedTuple):
    """The end of a command."""

    code: int
    out: str
    err: str


def call(site: Path, *arguments: object, folder: Path) -> Said:
    """``recurse ARGUMENTS`` in a process that finds what was installed into ``site``."""
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-m", "recurse", *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environ, timeout=300
    )
    return Said(done.returncode, done.stdout, done.stderr)


def _wheel(project: Mapping[str, Any], modules: Mapping[str, str], folder: Path) -> Path:
    name, version = project["name"], project["version"]
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    entries = "\n".join(
        f"[{group}]\n" + "\n".join(f"{kind} = {value}" for kind, value in found.items())
        for group, found in project["entry-points"].items()
    )
    members = {
        **modules,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{about}/entry_points.txt": f"{entries}\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},\n" for path, text in members.items())
    members[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n"
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return wheel


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

"""Samples of the models as pictures, one strip per generation, arms side by side."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from recurse_reports import charts, words
from recurse_reports.blocks import Data, Gallery, Picture, Section, Table
from recurse_reports.subject import Subject

ORDER = 50
STRIPS = 8
"""Generations shown; of more, evenly chosen ones with the first and the last."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 4096
"""Pixels per side; larger pictures are left out."""


def section(subject: Subject) -> Section | None:
    """A gallery per backend, or None where the store has no pictures."""
    frame = subject.store.artifacts(subject.name, "gallery")
    rows = [
        row for row in frame.to_dicts() if size(row["bytes"]) and row["media_type"] == "image/png"
    ]
    galleries = [_gallery(subject, backend, rows) for backend in subject.backends]
    found = [gallery for gallery in galleries if gallery is not None]
    return Section("pictures", "Samples by generation", found) if found else None


def size(png: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, None for anything else."""
    if len(png) < 33 or not png.startswith(SIGNATURE) or png[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", png[16:24])
    return (width, height) if 0 < width <= LARGEST and 0 < height <= LARGEST else None


def _gallery(subject: Subject, backend: str, rows: list[dict[str, Any]]) -> Gallery | None:
    """The pictures of the lowest seed of each arm."""
    mine = [row for row in rows if row["backend"] == backend]
    arms = [arm for arm in subject.arms if any(row["arm"] == arm for row in mine)]
    if not arms:
        return None
    seed = {arm: min(row["seed"] for row in mine if row["arm"] == arm) for arm in arms}
    placed = {
        (row["generation"], row["arm"]): row for row in mine if row["seed"] == seed[row["arm"]]
    }
    every = np.array(sorted({generation for generation, _ in placed}))
    shown = charts.chosen(every, STRIPS).tolist()
    strips = [(g, [_picture(subject, placed.get((g, arm))) for arm in arms]) for g in shown]
    several = len(subject.backends) > 1
    title = f"Samples of the models, {backend}" if several else "Samples of the models"
    seeds = sorted(set(seed.values()))
    which = f"seed {seeds[0]}" if len(seeds) == 1 else "the lowest seed of each arm"
    caption = f"Samples drawn from the model of each generation, {which}"
    if len(shown) < len(every):
        caption += f"; {len(shown)} of {words.count(len(every), 'generation')} shown"
    caption += f". From generation {shown[0]}, fitted on real data, to generation {shown[-1]}."
    return Gallery(
        words.slug(f"pictures-{backend}"),
        title,
        caption if shown[0] == 0 else caption.replace(", fitted on real data,", ""),
        [subject.words[arm] for arm in arms],
        [(f"generation {g}", pictures) for g, pictures in strips],
        _data(subject, arms, seed, strips),
    )


def _picture(subject: Subject, row: dict[str, Any] | None) -> Picture | None:
    if row is None:
        return None
    width, height = size(row["bytes"]) or (1, 1)
    alt = f"Samples of {subject.words[row['arm']]}, generation {row['generation']}"
    return Picture(row["bytes"], width, height, alt)


def _data(
    subject: Subject,
    arms: list[str],
    seed: dict[str, int],
    strips: list[tuple[int, list[Picture | None]]],
) -> Data:
    rows = [
        [subject.words[arm], str(seed[arm]), str(g), f"{picture.width} × {picture.height}"]
        for place, arm in enumerate(arms)
        for g, pictures in strips
        for picture in [pictures[place]]
        if picture is not None
    ]
    head = ("arm", "seed", "generation", "pixels")
    return Data(Table("Which model each picture comes from", head, rows, (1, 2, 3)))

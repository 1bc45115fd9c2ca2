"""Small grayscale pictures as PNG bytes, the same bytes everywhere."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def strip(images: NDArray[Any], columns: int = 8) -> bytes:
    """Square images ``[k, pixels]`` with values in [0, 1], laid out row by row."""
    side, columns = math.isqrt(images.shape[1]), min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    cells = np.zeros((rows * columns, side, side))
    cells[: len(images)] = images.reshape(-1, side, side)
    sheet = cells.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, -1)
    return encode(np.rint(255 * np.clip(sheet, 0, 1)).astype(np.uint8))


def encode(gray: NDArray[np.uint8]) -> bytes:
    """A grayscale picture ``[height, width]`` as PNG (RFC 2083)."""
    height, width = gray.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    lines = np.pad(gray, ((0, 0), (1, 0))).tobytes()  # filter type 0 before every line
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

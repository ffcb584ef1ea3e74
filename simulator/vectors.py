"""Embedding vectors that depend on the input and the size alone."""

from __future__ import annotations

import math
import struct
from hashlib import shake_256
from typing import Any

from simulator.call import whole

DEFAULT_DIMENSIONS = 8
MAX_DIMENSIONS = 4096


def vector(text: object, dimensions: Any = None) -> tuple[float, ...]:
    """A vector of length one."""
    packed = packed_vector(text, dimensions)
    return struct.unpack(f"<{len(packed) // 4}f", packed)


def packed_vector(text: object, dimensions: Any = None) -> bytes:
    """The same as little-endian 32-bit floats, drawn from the hash of the input."""
    size = whole(dimensions, 1, MAX_DIMENSIONS, DEFAULT_DIMENSIONS)
    drawn = struct.unpack(f"<{size}i", shake_256(str(text).encode()).digest(4 * size))
    norm = math.hypot(*drawn) or 1.0
    return struct.pack(f"<{size}f", *(each / norm for each in drawn))

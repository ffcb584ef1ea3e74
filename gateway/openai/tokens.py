"""Tokens: what an upstream counted of one call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Counts of one call, as the upstream told them.

    input, output: all tokens of either side; the others are parts of them. cached_input: of the input, read from a
    cache; cache_write: of the input, written to one. reasoning: of the output. audio_input, audio_output, image_input,
    image_output: of either, those that stand for sound or pictures. images: images made. characters: of text spoken.
    seconds: of sound heard. queries: searches of a rerank.
    """

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    image_input: int = 0
    image_output: int = 0
    images: int = 0
    characters: int = 0
    seconds: float = 0.0
    queries: int = 0

    @property
    def total(self) -> int:
        """What limits count: input and output."""
        return self.input + self.output

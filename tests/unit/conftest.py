"""Unit tests are seconds: Hypothesis tries fewer examples here, and never fails for a slow one on a busy machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", max_examples=30, deadline=None)
settings.load_profile("unit")

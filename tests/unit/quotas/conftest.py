"""A world for each test of quotas."""

from __future__ import annotations

import pytest

from tests.unit.quotas.world import World


@pytest.fixture
def world():
    return World()

"""The real client against a real table service."""

from __future__ import annotations

from tests.storage_conformance import TablesConformance


class TestAzureTables(TablesConformance):
    """The shared suite."""

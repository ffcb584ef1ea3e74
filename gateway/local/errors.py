"""The one exception that ends the local run before it serves."""

from __future__ import annotations


class CannotStart(Exception):
    """Why the gateway can't start and what to do about it, in one line, for the one who typed the command."""

"""Roundhouse: a serverless gateway for OpenAI-style APIs."""

__version__ = "0.1.0"

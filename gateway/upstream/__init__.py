"""Providers, and the one session that talks to them."""

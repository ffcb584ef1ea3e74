"""Webhooks: events from the outboxes to the addresses that operators registered."""

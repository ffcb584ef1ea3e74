"""Limits that hold over all instances: blocks of them are leased from storage and spent from memory."""

"""Plays the Functions host to the real Python worker runtime: no Core Tools, no gRPC, no cloud."""

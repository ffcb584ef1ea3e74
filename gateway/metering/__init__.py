"""Pure arithmetic of what was used, and how it went."""

"""Pure arithmetic of limits: how much of what may still be spent."""

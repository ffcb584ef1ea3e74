"""The control plane: one router for each noun."""

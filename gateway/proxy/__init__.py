"""The data plane: one request's path from the caller to an upstream and back."""

"""The door to Azure Functions: what stands between the platform's worker and the one ASGI app."""

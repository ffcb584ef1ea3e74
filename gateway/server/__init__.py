"""The server: uvicorn, with an HTTP protocol that is lighter for what nearly every request is."""

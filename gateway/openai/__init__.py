"""Pure knowledge of the OpenAI wire: operations, bodies, event streams, headers."""

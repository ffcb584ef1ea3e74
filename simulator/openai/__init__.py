"""OpenAI's operations, as OpenAI, Azure and the many that speak like OpenAI have them."""

"""What is known of models: provider, type, context, price, capabilities; the built-in facts and their look-ups."""

"""Collections of embeddings: kept in the tables, searched in memory."""

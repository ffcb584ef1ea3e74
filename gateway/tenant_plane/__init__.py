"""The tenant plane: what a tenant's own key may ask beside calls of models; operators may too."""

"""Settings alone: their schema, how Hydra composes them from YAML, and what is checked of them."""

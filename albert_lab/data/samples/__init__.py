"""Pre-training samples as pure functions of (seed, index), cut from a token store."""

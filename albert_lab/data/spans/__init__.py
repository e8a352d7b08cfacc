"""Questions on long contexts: windows over a context, and answers out of what a model says of each window."""

"""What a model is: configuration, layer map and sizes, in plain Python; below it, its files and its networks."""

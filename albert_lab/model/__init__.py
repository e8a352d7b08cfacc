"""What a variant is: its layer map, and the network that walks it. Importing this package imports no torch."""

"""What a variant costs: parameters, FLOPs and memory. Importing this package imports no torch."""

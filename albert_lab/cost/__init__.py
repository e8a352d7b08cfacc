"""What training a variant costs, before it runs and after; nothing here trains, and importing this needs no torch."""

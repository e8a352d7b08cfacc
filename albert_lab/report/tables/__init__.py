"""Tables of text, their rows, and the notes under them."""

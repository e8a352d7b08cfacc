"""Models: what a variant is, without a framework (here), in files (`formats/`), and as a network (`torch/`)."""

"""The models in PyTorch, with the names of Hugging Face's classes, and what loads, saves and converts them."""

"""The memory of a training step: predicted without torch, tracked by PyTorch, measured."""

"""What happens during training besides the step itself: measuring, checkpoints, progress, health."""

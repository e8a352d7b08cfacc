"""What the models are built of: modules and functions that know nothing of checkpoints or of heads of tasks."""

"""Names and files of checkpoints as Hugging Face, Google and safetensors have them: NumPy, no framework."""

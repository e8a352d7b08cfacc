"""The command line: `albert-lab VERB [Hydra overrides]`. A verb's code is imported only when it is called."""

from albert_lab.cli.main import main

__all__ = ["main"]

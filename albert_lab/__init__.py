"""albert_lab: what sharing parameters and a small embedding cost and buy, measured."""

__version__ = "0.1.0"

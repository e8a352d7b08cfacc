"""Trains one run: the engine, which knows no objective, and what it is made of."""

"""Devices, and what each of several processes holds and sends under a strategy; no torch."""

"""Exact counts that follow from a variant: parameters, weights and FLOPs; no torch."""

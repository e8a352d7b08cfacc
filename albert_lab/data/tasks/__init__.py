"""Labelled data sets and benchmarks: one file each, from its source to texts and labels."""

"""Charts drawn with Matplotlib from summaries of runs."""

"""The HTML template of a report, and the function that fills it."""

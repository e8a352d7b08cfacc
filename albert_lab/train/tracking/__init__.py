"""Metrics on their way to the run's folder and to MLflow."""

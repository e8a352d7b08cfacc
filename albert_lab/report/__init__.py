"""Tables, plots and pages of finished runs, read from their records or from MLflow; nothing here trains or predicts."""

"""Models that remember their data: MLflow on our stores."""

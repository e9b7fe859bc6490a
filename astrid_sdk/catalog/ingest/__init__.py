"""Files as they came, looked into side by side and stored in batches."""

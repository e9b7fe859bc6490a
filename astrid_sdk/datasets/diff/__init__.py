"""What changed between two versions of a dataset, in the words of those who train on it."""

"""Observations, differences, detections and samples as values that carry content hashes."""

"""Computations that are done once per bucket, and made again on request."""

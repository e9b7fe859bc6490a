"""Splits of a dataset that cannot leak, and the audit of any split."""

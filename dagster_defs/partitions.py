"""The partition of the chain: the observing night."""

import dagster as dg

NIGHTS = dg.DynamicPartitionsDefinition(name="night")

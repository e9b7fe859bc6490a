"""The chain as Dagster assets: thin, one file per asset."""

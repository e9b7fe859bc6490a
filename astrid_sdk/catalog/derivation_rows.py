"""Rows of the ``derivations`` table: a row per derivation object."""

from collections.abc import Iterable

import pyarrow as pa

from astrid_sdk import arrow
from astrid_sdk.catalog.lookup import codes_of
from astrid_sdk.catalog.steps.derivation import Derivation

DERIVATIONS_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string()),
        pa.field("step", pa.string()),
        pa.field("refusal", pa.string()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("inputs", pa.list_(pa.string())),  # of all roles, in the object's order
        pa.field("outputs", pa.list_(pa.string())),
        pa.field("object", pa.string()),
        pa.field("code", pa.int64()),  # of the key, see `codes_of`
    ]
)
"""Columns of the ``derivations`` table."""

COMMITS = ("key", "step", "created_at", "outputs")
"""The columns that decide which derived contents count."""


def derivation_table(derivations: Iterable[Derivation]) -> pa.Table:
    """Return the rows of `derivations`."""
    rows = [
        {
            "key": made.key,
            "step": made.step,
            "refusal": made.refusal,
            "created_at": made.created_at,
            "inputs": [used for hashes in made.inputs.values() for used in hashes],
            "outputs": [output.content_hash for output in made.outputs],
            "object": made.to_bytes().decode(),
        }
        for made in derivations
    ]
    told = arrow.table_of(rows, DERIVATIONS_SCHEMA.remove(7))
    return told.append_column("code", arrow.column(codes_of(told["key"]))).cast(DERIVATIONS_SCHEMA)

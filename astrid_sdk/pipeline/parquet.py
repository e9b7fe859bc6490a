"""Tables as Parquet bytes: the same bytes for the same values."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

MEDIA_TYPE = "application/vnd.apache.parquet"


def parquet_bytes(table: pa.Table) -> bytes:
    """Return `table` as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def read_parquet(content: bytes) -> pa.Table:
    """Return the table that `parquet_bytes` wrote."""
    return pq.read_table(io.BytesIO(content))

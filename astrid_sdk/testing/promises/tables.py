"""Promises about catalogue tables."""

import deltalake
import pyarrow as pa
import pytest

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.testing.places import Place


class TablePromises:
    """A table library finds its tables where the store says."""

    def test_a_table_library_opens_the_location(self, place: Place) -> None:
        if not place.store.capabilities.has_tables:
            with pytest.raises(InvalidInputError) as caught:
                place.store.table_location(place.bucket, "objects")
            assert caught.value.kind == "unsupported"
            return
        location = place.store.table_location(place.bucket, "objects")
        options = location.reveal_options()
        rows = pa.table({"night": ["2026-11-22"], "size_bytes": [5]})
        for _ in range(2):
            deltalake.write_deltalake(location.uri, rows, mode="append", storage_options=options)
        table = deltalake.DeltaTable(location.uri, storage_options=options)
        assert table.version() == 1
        assert table.to_pyarrow_table().num_rows == 2
        assert any("_delta_log" in key for key in place.listed("_catalog/objects/"))

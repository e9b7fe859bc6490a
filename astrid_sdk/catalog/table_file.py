"""One Parquet file of a catalogue table.

Not by way of pyarrow.dataset: to import that imports pandas, which takes longer than most answers.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.fs as pa_fs
import pyarrow.parquet as pq


class TableFile:
    """A Parquet file of a table; its footer is read.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    path : str
        Below the table.
    coded : iterable of str
        Columns to read as dictionaries.
    """

    def __init__(self, filesystem: pa_fs.FileSystem, path: str, coded: Iterable[str]) -> None:
        self.path = path
        self._filesystem = filesystem
        self._coded = frozenset(coded)
        with filesystem.open_input_file(path) as file:
            self.metadata = pq.read_metadata(file)

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Return columns of row groups, one behind the other."""
        coded = sorted(self._coded & set(columns))
        with (
            self._filesystem.open_input_file(self.path) as file,
            pq.ParquetFile(file, metadata=self.metadata, read_dictionary=coded) as parquet,
        ):
            table = parquet.read_row_groups(list(groups), columns=list(columns), use_threads=False)
            return table.select(list(columns))

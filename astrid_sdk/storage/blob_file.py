"""A stored blob as a file that can be read and sought."""

import io
import os
from collections import OrderedDict
from collections.abc import Callable

from typing_extensions import Buffer, override

BLOCK_BYTES = 1 << 20
_MOST_BLOCKS = 8


class BlobFile(io.RawIOBase):
    """A read-only, seekable file over something that reads ranges.

    Short reads are served from whole blocks, of which the last few are kept: a library that looks
    at the beginning, the end and the middle in turn asks the store once for each.

    Parameters
    ----------
    size_bytes : int
    read_range : callable
        Returns the bytes from one position to another.
    """

    def __init__(self, size_bytes: int, read_range: Callable[[int, int], bytes]) -> None:
        self._size_bytes = size_bytes
        self._read_range = read_range
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        origins = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._size_bytes,
        }
        position = origins[whence] + offset
        if position < 0:
            raise ValueError(f"position {position} is before the start of the file")
        self._position = position
        return position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        stop = min(self._position + len(view), self._size_bytes)
        if stop <= self._position:
            return 0
        data = self._data(self._position, stop)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _data(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start`: to `stop`, or fewer where a block ends before."""
        if stop - start >= BLOCK_BYTES:
            return self._read_range(start, stop)
        number, offset = divmod(start, BLOCK_BYTES)
        return self._block(number)[offset : offset + stop - start]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            start = number * BLOCK_BYTES
            stop = min(start + BLOCK_BYTES, self._size_bytes)
            self._blocks[number] = self._read_range(start, stop)
            if len(self._blocks) > _MOST_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

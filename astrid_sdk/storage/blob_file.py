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
    read_into : callable
        Fills memory with the bytes from a position on.
    """

    def __init__(self, size_bytes: int, read_into: Callable[[int, memoryview], None]) -> None:
        self._size_bytes = size_bytes
        self._read_into = read_into
        self._position = 0
        self._blocks: OrderedDict[int, bytearray] = OrderedDict()

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
        if stop - self._position >= BLOCK_BYTES:
            self._read_into(self._position, view[: stop - self._position])
        else:
            number, offset = divmod(self._position, BLOCK_BYTES)
            data = self._block(number)[offset : offset + stop - self._position]
            stop = self._position + len(data)  # short where the block ends before
            view[: len(data)] = data
        length, self._position = stop - self._position, stop
        return length

    def _block(self, number: int) -> bytearray:
        if number not in self._blocks:
            start = number * BLOCK_BYTES
            block = bytearray(min(BLOCK_BYTES, self._size_bytes - start))
            self._read_into(start, memoryview(block))
            self._blocks[number] = block
            if len(self._blocks) > _MOST_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

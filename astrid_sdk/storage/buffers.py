"""Memory to read large bodies into: used again, and beginning at a page.

The kernel copies a file's page four to five times more slowly to memory that begins some bytes
behind the same place of a page, as the interpreter's own byte arrays do: the processor takes loads
and stores whose addresses differ by a multiple of 4 KiB for the same (4K aliasing).
"""

import mmap


class Buffers:
    """Buffers of one size; those that are given back are taken first.

    Parameters
    ----------
    size_bytes : int
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._free: list[mmap.mmap] = []

    def take(self) -> memoryview:
        """Return a buffer; what it holds is left over from before."""
        return memoryview(self._free.pop() if self._free else mmap.mmap(-1, self._size_bytes))

    def give_back(self, view: memoryview) -> None:
        """Take a buffer back, by any view of it that `take` led to."""
        assert isinstance(view.obj, mmap.mmap)  # noqa: S101 - it came from `take`
        self._free.append(view.obj)

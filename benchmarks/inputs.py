"""What is stored: one large file, many small ones, one large image; noise that nothing shrinks."""

import dataclasses
import math
import random
from pathlib import Path

from astrid_sdk.tiers import Tier

SMALL_BYTES = 16 << 10
STAMP_PIXELS = 256
_PIECE_BYTES = 16 << 20
_FITS_BLOCK_BYTES = 2880


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The files of one run.

    Parameters
    ----------
    folder : Path
    size_bytes : int
        Of the large file, and about that of the image.
    count : int
        How many small files.
    keys : int
        How many keys are listed.
    """

    folder: Path
    size_bytes: int
    count: int
    keys: int

    @property
    def large(self) -> Path:
        """The large file."""
        return self.folder / "large.bin"

    @property
    def small(self) -> Path:
        """The folder of the small files."""
        return self.folder / "small"

    @property
    def image(self) -> Path:
        """A square float32 FITS image."""
        return self.folder / "image.fits"

    @property
    def side(self) -> int:
        """Its side in pixels: 16,384 for 1 GiB."""
        return max(2 * STAMP_PIXELS, math.isqrt(self.size_bytes // 4))

    def small_files(self) -> list[Path]:
        """Return the small files, in the order of their names."""
        return sorted(self.small.iterdir())

    def stamp(self) -> tuple[int, int]:
        """Return the row and column at which the cutout begins."""
        return (self.side // 2, self.side // 3)

    def key(self, number: int) -> str:
        """Return one of the keys that are listed: they look like those of blobs."""
        digits = f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}" * 4
        return f"{Tier.RAW_OBSERVATIONS}/sha256/{digits[:2]}/{digits}"

    def make(self, jobs: frozenset[str]) -> None:
        """Write the files that `jobs` need."""
        if any(job.startswith("file-") for job in jobs):
            _write_noise(self.large, self.size_bytes, b"")
        if any(job.startswith("files-") for job in jobs):
            self.small.mkdir()
            for number in range(self.count):
                path = self.small / f"{number:06}.bin"
                path.write_bytes(random.randbytes(SMALL_BYTES))  # noqa: S311 - noise, no secret
        if "cutout" in jobs:
            _write_noise(self.image, 4 * self.side**2, self._header())

    def _header(self) -> bytes:
        values = {"SIMPLE": "T", "BITPIX": -32, "NAXIS": 2, "NAXIS1": self.side}
        values["NAXIS2"] = self.side
        cards = [f"{name:8}= {value:>20}".ljust(80) for name, value in values.items()]
        return "".join([*cards, "END"]).ljust(_FITS_BLOCK_BYTES).encode()


def _write_noise(path: Path, size_bytes: int, header: bytes) -> None:
    with path.open("wb") as file:
        file.write(header)
        for start in range(0, size_bytes, _PIECE_BYTES):
            length = min(_PIECE_BYTES, size_bytes - start)
            file.write(random.randbytes(length))  # noqa: S311 - noise, no secret
        if header:
            file.write(bytes(-size_bytes % _FITS_BLOCK_BYTES))

"""A cutout promises the same pixels as the whole image, and to read little of it."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal
from typing_extensions import override

from astrid_sdk.errors import StorageUnavailableError
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import cutout
from astrid_sdk.sky.fits_files import Plane, open_fits_file, read_image
from astrid_sdk.storage.memory_client import MemoryStorageClient
from astrid_sdk.storage.operations import Get
from astrid_sdk.testing import RecordingStore

SIDE_PX = 900
BUCKET = "astrid-storage"


def image(kind: str, side_px: int = SIDE_PX) -> bytes:
    counts = np.random.default_rng(5).integers(-900, 30_000, (side_px, side_px))
    if kind == "scaled":
        hdu = fits.ImageHDU(counts.astype(np.int16))
        hdu.header["BSCALE"], hdu.header["BZERO"] = 0.5, 100.0
        hdu.header["BLANK"] = int(counts[700, 700])
    elif kind == "tiles":
        hdu = fits.CompImageHDU(counts.astype(np.int16), compression_type="RICE_1")
    else:
        hdu = fits.ImageHDU(counts.astype(np.float32))
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    return gzip.compress(buffer.getvalue()) if kind == "gzip" else buffer.getvalue()


@pytest.fixture
def store() -> RecordingStore:
    memory = MemoryStorageClient()
    memory.create_bucket(BUCKET)
    return RecordingStore(memory)


@pytest.fixture
def astrid(store: RecordingStore, tmp_path: Path) -> AstridSession:
    return AstridSession(store, BUCKET, tmp_path / "home")


@pytest.mark.parametrize("kind", ["float", "scaled", "tiles", "gzip"])
@pytest.mark.parametrize(("x", "y"), [(700, 700), (0, 0), (SIDE_PX - 1, 3)])
def test_a_cutout_shows_the_pixels_of_the_whole_image(
    astrid: AstridSession, tmp_path: Path, kind: str, x: int, y: int
) -> None:
    content = image(kind)
    path = tmp_path / ("a.fits.gz" if kind == "gzip" else "a.fits")
    path.write_bytes(content)
    (stored,) = astrid.ingest(path, progress=False).files
    shown = astrid.cutout(stored.content_hash, x=x, y=y, size_px=31)
    assert_array_equal(shown.data, cutout(read_image(content, 1).data, x, y, 31))


def test_a_cutout_reads_a_small_part_of_a_large_image(
    astrid: AstridSession, store: RecordingStore
) -> None:
    content = image("float", 2000)
    stored = astrid.cas.store_data(content, "application/fits", tier="raw-observations")
    store.operations.clear()
    astrid.cutout(stored, x=700, y=700, size_px=31)
    gets = [each for each in store.operations if isinstance(each, Get) and stored in each.where]
    asked = sum(
        (get.stop or len(content)) - get.start for get in gets if get.where.startswith("raw")
    )
    assert 0 < asked < len(content) / 4


def test_a_store_that_is_away_is_no_damaged_image() -> None:
    class Gone(io.BytesIO):
        @override
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 100_000:
                raise StorageUnavailableError("the store is away")
            return super().read(size)

    with (
        pytest.raises(StorageUnavailableError, match="away"),
        open_fits_file(Gone(image("float"))) as hdus,
    ):
        Plane(hdus[1])[700:710, 700:710]

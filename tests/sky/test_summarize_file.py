import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from headers import file_of, tan

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky import unpacking
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.fits_files import check_usable
from astrid_sdk.sky.summary import summarize, summarize_file

EXPOSURE: dict[str, Any] = {
    "DATE-OBS": "2020-01-01T00:00:00",
    "EXPTIME": 30.0,
    "OBJECT": "M 101",
    "TELESCOP": "SWIFT",
    "INSTRUME": "XRT",
    "RA_PNT": 210.8,
    "DEC_PNT": 54.3,
}


def refusal(path: Path) -> str:
    with pytest.raises(InvalidInputError) as caught:
        summarize_file(path)
    return caught.value.kind


def saved(path: Path, *hdus: Any) -> Path:
    fits.HDUList(list(hdus)).writeto(path)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_and_its_bytes_say_the_same(tmp_path: Path, *, packed: bool) -> None:
    content = file_of(EXPOSURE, tan(10.0, 10.0) | {"EXTNAME": "SCI"}, {"EXTNAME": "DQ"})
    content = gzip.compress(content) if packed else content
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert summarize_file(path, "night/a.fits") == summarize(content, "night/a.fits")


def test_pixels_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.fits"
    header = fits.Header(
        {"SIMPLE": True, "BITPIX": 16, "NAXIS": 2, "NAXIS1": 20000, "NAXIS2": 20000}
    )
    path.write_bytes(header.tostring().encode())
    with path.open("r+b") as file:
        file.truncate(2880 + 2 * 20000 * 20000)  # a hole on the disk: 800 MB of nothing
    assert summarize_file(path)[0].shape == (20000, 20000)


def test_a_large_packed_file_is_unpacked_beside_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_IN_MEMORY_BYTES", 1000)
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(file_of(EXPOSURE, shape=(300, 300))))
    assert summarize_file(path)[0].shape == (300, 300)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"not found\n", "not_fits"),
        (file_of(EXPOSURE)[:3000], "truncated"),
        (file_of(EXPOSURE)[:2000], "truncated"),
        (gzip.compress(file_of(EXPOSURE), mtime=0)[:-20], "truncated"),
        (b"\x1f\x8bgarbage all along", "not_fits"),
        (gzip.compress(b"not found", mtime=0), "not_fits"),
        (file_of({"IMAGETYP": "Bias Frame"}), "calibration_frame"),
    ],
)
def test_a_broken_file_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, kind: str
) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    assert refusal(path) == kind


def test_a_bomb_is_stopped_while_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 2**20)
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(b"SIMPLE  =" + bytes(64 * 2**20), 9))
    assert refusal(path) == "too_large"


def test_what_the_system_does_not_give_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.fits") == "unreadable"
    assert refusal(tmp_path) == "unreadable"


def test_an_image_is_usable_from_its_first_value_on(tmp_path: Path) -> None:
    pixels = np.full((300, 300), np.nan, dtype=np.float32)
    assert refusal(saved(tmp_path / "nan.fits", fits.PrimaryHDU(pixels))) == "no_pixels"
    pixels[-1, -1] = 1.0
    assert summarize_file(saved(tmp_path / "one.fits", fits.PrimaryHDU(pixels)))
    both = (fits.PrimaryHDU(), fits.ImageHDU(pixels * np.nan), fits.ImageHDU(pixels))
    assert len(summarize_file(saved(tmp_path / "both.fits", *both))) == 2


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
@pytest.mark.parametrize("suffix", ["fits.fz", "fits.fz.gz"])
def test_packed_images_are_usable_from_their_first_value_on(
    tmp_path: Path, method: str, suffix: str
) -> None:
    def packed(pixels: Any) -> Path:
        path = tmp_path / f"{np.isfinite(pixels).sum()}.{suffix}"
        image = fits.CompImageHDU(pixels, compression_type=method)
        return saved(path, fits.PrimaryHDU(), image)

    noise = np.random.default_rng(3).normal(100, 5, (64, 64)).astype(np.float32)
    assert summarize_file(packed(noise))[0].bitpix == -32
    noise[:40] = np.nan
    assert summarize_file(packed(noise))[0].shape == (64, 64)
    if method != "HCOMPRESS_1":  # it cannot hold an image of nothing
        assert refusal(packed(np.full((64, 64), np.nan, np.float32))) == "no_pixels"


def test_a_table_is_content_with_rows_and_columns() -> None:
    content = file_of(EXPOSURE, {"EXTNAME": "EVENTS"}, {"EXTNAME": "GTI"}, tables=(1, 2))
    check_usable(content, "events.fits")
    events, intervals = summarize(content, "events.fits")
    assert (events.role, events.shape, events.columns) == (Role.TABLE, (7, 2), ("TIME", "FLUX"))
    assert (events.hdu_index, intervals.hdu_index) == (1, 2)
    assert (events.object_name, events.exposure_time_s, events.night) == (
        "M 101",
        30.0,
        "2019-12-31",
    )
    assert (events.ra_deg, events.pointing_ra_deg, events.footprint) == (None, 210.8, None)
    assert not any(key.startswith(("TTYPE", "TFORM")) for key in events.header)
    assert events.observation_id is None


def test_beside_images_tables_are_passed_over() -> None:
    content = file_of(EXPOSURE, {"EXTNAME": "SCI"}, {"EXTNAME": "CAT"}, tables=(2,))
    assert [found.role for found in summarize(content)] == [Role.IMAGE]


def test_a_target_pixel_file_is_known_by_its_aperture() -> None:
    pixels = {"EXTNAME": "PIXELS", "TIMESYS": "TDB"}
    content = file_of({"TELESCOP": "TESS"}, pixels, {"EXTNAME": "APERTURE"}, tables=(1,))
    assert [found.role for found in summarize(content)] == [Role.MASK]


def test_cubes_and_spectra_are_refused_still(tmp_path: Path) -> None:
    cube = fits.PrimaryHDU(np.zeros((3, 8, 9), np.int16))
    assert refusal(saved(tmp_path / "cube.fits", cube)) == "cube"
    spectrum = fits.PrimaryHDU(np.zeros(50, np.int16))
    assert refusal(saved(tmp_path / "spectrum.fits", spectrum)) == "no_image"
    assert refusal(saved(tmp_path / "empty.fits", fits.PrimaryHDU())) == "no_image"


def outcome(path: Path) -> str:
    try:
        summarize_file(path)
    except InvalidInputError as error:
        return error.kind
    return "read"


def test_random_damage_is_summarised_or_refused_but_never_escapes(tmp_path: Path) -> None:
    whole = file_of(EXPOSURE, tan(1.0, 1.0), {"EXTNAME": "CAT"}, {"EXTNAME": "DQ"}, tables=(2,))
    rng = np.random.default_rng(11)
    path, outcomes = tmp_path / "damaged.fits", set()
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 80)):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        outcomes.add(outcome(path))
    assert outcomes <= {"read", "not_fits", "truncated", "too_large", "no_image", "cube"}
    assert "read" in outcomes

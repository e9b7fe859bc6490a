import gzip
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky import unpacking
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.file_names import is_fits_name
from astrid_sdk.sky.fits_files import (
    check_usable,
    image_hdus,
    open_fits,
    read_image,
)

PIXELS = np.arange(20 * 30, dtype=np.int16).reshape(20, 30)


def fits_bytes(*hdus: fits.PrimaryHDU | fits.ImageHDU | fits.BinTableHDU) -> bytes:
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer)
    return buffer.getvalue()


def image_file(data: np.ndarray = PIXELS, **cards: object) -> bytes:
    hdu = fits.PrimaryHDU(data)
    for key, value in cards.items():
        hdu.header[key.replace("_", "-")] = value
    return fits_bytes(hdu)


def header_only(*cards: str) -> bytes:
    text = "".join(card.ljust(80) for card in ("SIMPLE  =                    T", *cards, "END"))
    return text.ljust(2880).encode()


def refusal(action: Callable[[], object]) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        action()
    return caught.value


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("a.fits", True),
        ("A.FITS", True),
        ("a.fit", True),
        ("a.fts.gz", True),
        ("night/a.img.fz", True),
        ("a.Fits.Fz", True),
        ("a.png", False),
        ("fits", False),
        (".fits", False),
        ("a.fits.bak", False),
    ],
)
def test_fits_names_are_known_by_their_suffix_in_any_case(name: str, *, answer: bool) -> None:
    assert is_fits_name(name) is answer


def test_an_empty_file_is_refused_with_its_reason() -> None:
    error = refusal(lambda: image_hdus(b"", "night.fits"))
    assert error.kind == "empty"
    assert "night.fits" in error.message


@pytest.mark.parametrize("content", [b"not found\n", b"<html>502</html>", b"PK\x03\x04", b"S"])
def test_text_called_fits_is_refused(content: bytes) -> None:
    assert refusal(lambda: image_hdus(content, "a.fits")).kind == "not_fits"


@pytest.mark.parametrize("keep", [1, 80, 2879, 2880, 2881, 4000])
def test_a_truncated_file_is_refused_with_its_reason(keep: int) -> None:
    error = refusal(lambda: image_hdus(image_file()[:keep]))
    assert error.kind in {"truncated", "not_fits"}
    assert error.kind == "truncated" or keep == 1


def test_a_file_that_lacks_only_its_padding_is_read() -> None:
    bare = image_file()[: 2880 + PIXELS.nbytes]
    assert np.array_equal(read_image(bare, 0).data, PIXELS)


@pytest.mark.parametrize("axes", [(200_000, 200_000), (2**31, 2**31), (10**9, 2)])
def test_a_header_claiming_a_huge_image_is_refused_before_memory_is_asked(
    axes: tuple[int, int],
) -> None:
    content = header_only(
        "BITPIX  =                  -64",
        "NAXIS   =                    2",
        f"NAXIS1  = {axes[0]:>20}",
        f"NAXIS2  = {axes[1]:>20}",
    )
    assert refusal(lambda: image_hdus(content)).kind == "too_large"


def test_a_compressed_image_claiming_more_than_its_tiles_is_refused() -> None:
    hdu = fits.CompImageHDU(np.zeros((64, 64), np.int16), compression_type="RICE_1")
    content = fits_bytes(fits.PrimaryHDU(), hdu)
    claim = b"ZNAXIS2 =                   64"
    assert claim in content
    lying = content.replace(claim, b"ZNAXIS2 =               999999")
    assert refusal(lambda: image_hdus(lying)).kind == "truncated"
    lying = content.replace(claim, b"ZNAXIS2 =          99999999999")
    assert refusal(lambda: image_hdus(lying)).kind == "too_large"


def test_a_tile_that_unpacks_beyond_its_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astrid_sdk.sky.fits_files.FREE_BYTES", 2**10)
    data = np.random.default_rng(3).integers(0, 30_000, (64, 64)).astype(np.int16)
    hdu = fits.CompImageHDU(data, compression_type="GZIP_1", tile_shape=(64, 64))
    content = fits_bytes(fits.PrimaryHDU(), hdu)
    assert np.array_equal(read_image(content, 1).data, data)
    start = content.index(b"\x1f\x8b")
    bomb = gzip.compress(bytes(4 * 2**20), 9)
    blown = content[:start] + bomb + content[start + len(bomb) :]
    assert refusal(lambda: read_image(blown, 1)).kind == "too_large"


@pytest.mark.parametrize(
    "card",
    [
        "NAXIS   =                   -2",
        "NAXIS   =                 many",
        "NAXIS   =                    7",
        "PCOUNT  =             -9999999",
    ],
)
def test_nonsense_in_the_structure_is_refused(card: str) -> None:
    content = header_only("BITPIX  =                   16", card)
    assert refusal(lambda: image_hdus(content)).kind == "not_fits"


def test_a_header_without_end_is_refused_soon() -> None:
    endless = b"SIMPLE  =".ljust(80) * 80_000
    assert refusal(lambda: image_hdus(endless)).kind == "truncated"


def test_a_gzip_bomb_is_stopped_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "FREE_BYTES", 2**20)
    bomb = gzip.compress(b"SIMPLE  =" + bytes(64 * 2**20), 9)
    assert refusal(lambda: image_hdus(bomb, "bomb.fits.gz")).kind == "too_large"


def test_the_absolute_limit_holds_for_honest_ratios_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_PLAIN_BYTES", 5000)
    assert refusal(lambda: image_hdus(gzip.compress(image_file() * 3))).kind == "too_large"


def test_broken_gzip_is_refused() -> None:
    packed = gzip.compress(image_file())
    assert refusal(lambda: image_hdus(packed[:-30])).kind == "truncated"
    damaged = packed[:40] + bytes(20) + packed[60:]
    error = refusal(lambda: image_hdus(damaged))
    assert error.kind == "not_fits"
    assert isinstance(error.__cause__, zlib.error)


def test_gzip_in_several_members_reads_like_the_plain_file() -> None:
    plain = image_file()
    packed = gzip.compress(plain[:3000]) + gzip.compress(plain[3000:]) + bytes(512)
    assert np.array_equal(read_image(packed, 0).data, PIXELS)


def test_gzip_in_thousands_of_members_is_unpacked_in_one_pass() -> None:
    plain = image_file(np.zeros((500, 500), np.int16))
    packed = b"".join(gzip.compress(plain[i : i + 100]) for i in range(0, len(plain), 100))
    assert unpacking.decompressed(packed) == plain


def test_a_table_is_no_image() -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("x", "D", array=np.arange(9.0))])
    assert refusal(lambda: image_hdus(fits_bytes(fits.PrimaryHDU(), table))).kind == "no_image"


def test_a_spectrum_is_no_image() -> None:
    assert refusal(lambda: image_hdus(image_file(np.arange(50.0)))).kind == "no_image"
    assert refusal(lambda: image_hdus(image_file(np.ones((1, 50))))).kind == "no_image"


def test_a_cube_is_refused_but_a_cube_of_one_plane_is_an_image() -> None:
    assert refusal(lambda: image_hdus(image_file(np.ones((3, 8, 9))))).kind == "cube"
    one_plane = image_file(PIXELS[np.newaxis])
    assert image_hdus(one_plane)[0].shape == PIXELS.shape
    assert np.array_equal(read_image(one_plane, 0).data, PIXELS)


@pytest.mark.parametrize("index", [-1, 1, 7])
def test_an_hdu_that_is_not_there_is_refused(index: int) -> None:
    assert refusal(lambda: read_image(image_file(), index)).kind == "no_image"


@pytest.mark.parametrize("word", ["Bias Frame", "DARK", "zero", "dome flat", "FLAT"])
def test_calibration_frames_are_refused(word: str) -> None:
    content = image_file(IMAGETYP=word)
    assert refusal(lambda: check_usable(content, "c.fits")).kind == "calibration_frame"


@pytest.mark.parametrize("cards", [{}, {"IMAGETYP": "Light Frame"}, {"OBSTYPE": "object"}])
def test_light_frames_are_usable(cards: dict[str, object]) -> None:
    check_usable(image_file(PIXELS, **cards))


def test_an_image_without_a_single_value_is_refused() -> None:
    assert refusal(lambda: check_usable(image_file(np.full((9, 9), np.nan)))).kind == "no_pixels"
    blank = image_file(np.full((9, 9), -1, np.int16), BLANK=-1)
    assert refusal(lambda: check_usable(blank)).kind == "no_pixels"


def test_bscale_bzero_and_blank_are_applied() -> None:
    content = image_file(PIXELS, BSCALE=0.5, BZERO=100.0, BLANK=3)
    # astropy would scale while writing; cards set on the raw file are what strangers send
    data = read_image(content, 0).data
    assert data.dtype == np.float32
    assert np.isnan(data[0, 3])
    assert data[1, 1] == 100.0 + 0.5 * 31


def test_unsigned_sixteen_bit_counts_are_exact() -> None:
    counts = np.array([[0, 1], [32768, 65535]], dtype=np.uint16)
    assert np.array_equal(read_image(image_file(counts), 0).data, counts)


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1"])
def test_tile_compressed_images_read_like_plain_ones(method: str) -> None:
    hdu = fits.CompImageHDU(PIXELS, compression_type=method, name="SCI")
    content = fits_bytes(fits.PrimaryHDU(), hdu)
    assert image_hdus(content)[0].index == 1
    assert np.array_equal(read_image(content, 1).data, PIXELS)


def test_the_header_is_the_primarys_overlaid_by_the_hdus() -> None:
    primary, science = fits.PrimaryHDU(), fits.ImageHDU(PIXELS, name="SCI")
    primary.header["EXPTIME"] = 30.0
    primary.header["FILTER"] = "r"
    science.header["FILTER"] = "g"
    science.header["BUNIT"] = "electron"
    header = read_image(fits_bytes(primary, science), 1).header
    assert (header["EXPTIME"], header["FILTER"], header["BUNIT"]) == (30.0, "g", "electron")
    assert not {"NAXIS1", "BITPIX", "XTENSION", "EXTNAME"} & set(header)


def test_a_wcs_is_not_inherited_from_pixels_it_does_not_describe() -> None:
    primary, other = fits.PrimaryHDU(PIXELS), fits.ImageHDU(PIXELS, name="SCI")
    for axis, kind in enumerate(("RA---TAN", "DEC--TAN"), start=1):
        primary.header[f"CTYPE{axis}"] = kind
        primary.header[f"CDELT{axis}"] = 1e-4
    content = fits_bytes(primary, other)
    assert "CTYPE1" in read_image(content, 0).header
    assert "CTYPE1" not in read_image(content, 1).header


def test_cards_that_cannot_be_read_cost_only_themselves() -> None:
    content = image_file(OBJECT="M 13", BROKEN="x" * 20)
    content = content.replace(b"'" + b"x" * 20 + b"'", b"'" + b"x" * 21)
    content = content.replace(b"M 13", b"M\xb013")
    header = read_image(content, 0).header
    assert "BROKEN" not in header
    assert header["OBJECT"] == "M?13"


def test_several_images_keep_their_places_and_roles() -> None:
    content = fits_bytes(
        fits.PrimaryHDU(),
        fits.ImageHDU(PIXELS, name="SCI"),
        fits.BinTableHDU.from_columns([fits.Column("x", "J", array=[1])]),
        fits.ImageHDU(PIXELS, name="WHT"),
        fits.ImageHDU(PIXELS, name="DQ"),
    )
    found = [(info.index, info.name, info.role) for info in image_hdus(content)]
    assert found == [(1, "SCI", Role.IMAGE), (3, "WHT", Role.WEIGHT), (4, "DQ", Role.MASK)]


def test_astropys_errors_inside_the_block_are_translated() -> None:
    with pytest.raises(InvalidInputError) as caught, open_fits(image_file()) as hdus:
        hdus["NOT THERE"]
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.scenes
def test_compressed_twins_of_m13_hold_the_same_pixels(scenes: Path) -> None:
    folder = scenes.parent / "compressed"
    plain = read_image((folder / "m13.fits").read_bytes(), 0)
    for method in ("rice", "gzip", "plio", "hcomp"):
        twin = read_image((folder / f"m13_{method}.fits").read_bytes(), 1)
        assert np.array_equal(twin.data, plain.data)
        assert twin.header["CRVAL1"] == plain.header["CRVAL1"]


@pytest.mark.scenes
def test_a_real_compressed_difference_image_keeps_its_blanks(scenes: Path) -> None:
    content = (scenes.parent / "compressed" / "sfft_diff4check.fits.fz").read_bytes()
    data = read_image(content, 1).data
    assert data.shape == (2048, 2048)
    assert 0 < np.isnan(data).mean() < 0.5


REFUSALS = ("not_fits", "truncated", "too_large", "no_image", "cube", "no_pixels")


def outcome(content: bytes) -> str:
    try:
        read_image(content, 1)
        check_usable(content)
    except InvalidInputError as error:
        return error.kind
    return "read"


@pytest.mark.parametrize("method", [None, "RICE_1", "GZIP_1", "HCOMPRESS_1"])
def test_random_damage_is_read_or_refused_but_never_escapes(method: str | None) -> None:
    hdu = fits.CompImageHDU(PIXELS, compression_type=method) if method else fits.ImageHDU(PIXELS)
    content = fits_bytes(fits.PrimaryHDU(), hdu)
    rng = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 60)):
            damaged[place] = rng.integers(0, 256)
        assert outcome(bytes(damaged)) in {"read", *REFUSALS}

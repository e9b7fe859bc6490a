import numpy as np
import pytest
from astropy.io import fits

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.cutouts import Triplet, cutout

IMAGE = np.arange(100.0, dtype=np.float32).reshape(10, 10)


def triplet() -> Triplet:
    return Triplet.around(IMAGE, IMAGE + 1, IMAGE * 0 + 1, x=4.2, y=6.7, size_px=5)


@pytest.mark.parametrize("size_px", [0, 2, 64, -3])
def test_a_stamp_without_centre_pixel_is_refused(size_px: int) -> None:
    with pytest.raises(InvalidInputError, match="odd size"):
        cutout(IMAGE, 5, 5, size_px)


@pytest.mark.parametrize("x", [np.nan, np.inf])
def test_a_position_that_is_none_is_refused(x: float) -> None:
    with pytest.raises(InvalidInputError):
        cutout(IMAGE, x, 5, 3)


@pytest.mark.parametrize(
    ("x", "y", "centre"), [(4.0, 6.0, 64), (4.4, 5.6, 64), (4.5, 5.5, 65), (3.5, 6.0, 64)]
)
def test_a_stamp_is_centred_on_the_nearest_pixel(x: float, y: float, centre: float) -> None:
    stamp = cutout(IMAGE, x, y, 3)
    assert stamp.shape == (3, 3)
    assert stamp.dtype == np.float32
    assert stamp[1, 1] == centre


def test_outside_the_image_a_stamp_is_nan() -> None:
    stamp = cutout(IMAGE, 0, 9, 5)
    assert np.isnan(stamp[:, :2]).all()
    assert np.isnan(stamp[3:, :]).all()
    assert np.array_equal(stamp[:3, 2:], IMAGE[7:, :3])


@pytest.mark.parametrize(("x", "y"), [(-50, 5), (5, 50), (-2, -2), (12, 12)])
def test_wholly_outside_it_is_all_nan(x: float, y: float) -> None:
    assert np.isnan(cutout(IMAGE, x, y, 3)).all()


def test_a_stamp_larger_than_the_image_holds_all_of_it() -> None:
    stamp = cutout(IMAGE, 5, 5, 63)
    assert np.isfinite(stamp).sum() == IMAGE.size


def test_a_stamp_is_a_copy() -> None:
    stamp = cutout(IMAGE, 5, 5, 3)
    stamp[:] = -1
    assert IMAGE.min() == 0


def test_integer_images_give_stamps_too() -> None:
    assert cutout(np.ones((9, 9), dtype=np.uint16), 0, 0, 3)[1, 1] == 1


def test_a_triplet_survives_its_fits_form() -> None:
    header = fits.Header([("OBJECT", "AT 2026abc"), ("SNR", 12.5)])
    written = Triplet.around(IMAGE, IMAGE, IMAGE, x=1, y=0, size_px=7, header=header)
    read = Triplet.from_fits(written.to_fits())
    for name in ("science", "reference", "difference"):
        assert np.array_equal(getattr(read, name), getattr(written, name), equal_nan=True)
    assert (read.header["X"], read.header["Y"], read.header["SNR"]) == (1.0, 0.0, 12.5)
    assert read.to_fits() == written.to_fits()


def test_a_triplet_is_the_same_bytes_for_the_same_values() -> None:
    assert triplet().to_fits() == triplet().to_fits()
    assert b"DATE" not in triplet().to_fits()


def test_a_triplets_extensions_are_named() -> None:
    content = triplet().to_fits()
    for name in (b"SCIENCE", b"REFERENCE", b"DIFFERENCE"):
        assert name in content


def test_making_a_triplet_leaves_the_given_header_alone() -> None:
    header = fits.Header()
    Triplet.around(IMAGE, IMAGE, IMAGE, x=1, y=2, size_px=3, header=header)
    assert len(header) == 0


@pytest.mark.parametrize("content", [b"", b"text", triplet().to_fits()[:5000]])
def test_what_is_no_triplet_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError):
        Triplet.from_fits(content)


def test_a_later_format_version_is_refused() -> None:
    content = triplet().to_fits()
    card = b"ASTRIDTV=                    1"
    assert card in content
    with pytest.raises(InvalidInputError, match="later release"):
        Triplet.from_fits(content.replace(card, b"ASTRIDTV=                    2"))

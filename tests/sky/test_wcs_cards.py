import numpy as np
import pytest
from astropy.io import fits

from astrid_sdk.sky.fits_files import read_image
from astrid_sdk.sky.frame import Frame, celestial_wcs, descriptive_cards, wcs_cards
from astrid_sdk.sky.summary import summarize


def tan_header() -> fits.Header:
    header = fits.Header()
    for axis, kind in enumerate(("RA---TAN", "DEC--TAN"), start=1):
        header[f"CTYPE{axis}"] = kind
        header[f"CRVAL{axis}"] = 10.0 * axis
        header[f"CRPIX{axis}"] = 5.0
        header[f"CDELT{axis}"] = 1e-4 * (-1) ** axis
    return header


@pytest.mark.parametrize(
    "word",
    [
        "CTYPE1",
        "CRVAL2",
        "PC2_1",
        "PC001002",
        "PV1_39",
        "A_ORDER",
        "BP_0_2",
        "A_DMAX",
        "WAT1_001",
        "CRPIX1A",
        "RADESYS",
        "RADECSYS",
        "LONPOLE",
    ],
)
def test_cards_of_the_wcs_go_with_the_pixels(word: str) -> None:
    header = tan_header()
    header.setdefault(word, 1)
    assert word in wcs_cards(header)
    assert word not in descriptive_cards(header)


@pytest.mark.parametrize("word", ["OBJECT", "CDS", "A_1", "PVAL1", "EXPTIME", "MJD-OBS", "CAMERA1"])
def test_cards_of_the_exposure_stay_with_it(word: str) -> None:
    header = tan_header()
    header[word] = 1
    assert word not in wcs_cards(header)
    assert word in descriptive_cards(header)


def test_a_cd_matrix_goes_with_the_pixels_whole() -> None:
    header = tan_header()
    for word, value in (("CD1_1", -1e-4), ("CD1_2", 2e-5), ("CD2_1", 2e-5), ("CD2_2", 1e-4)):
        header[word] = value
    del header["CDELT1"], header["CDELT2"]
    assert len(wcs_cards(header)) == len(header)
    assert len(descriptive_cards(header)) == 0


@pytest.mark.parametrize("missing", ["CDELT1", "CDELT2", "CTYPE1"])
def test_an_axis_without_scale_or_kind_is_no_wcs(missing: str) -> None:
    header = tan_header()
    del header[missing]
    assert celestial_wcs(header) is None
    assert len(wcs_cards(header)) == 0


def test_a_frame_describes_itself_like_any_other_file() -> None:
    header = tan_header()
    header["DATE-OBS"] = "2018-05-18T04:41:38"
    header["FILTER"] = "r"
    pixels = np.ones((8, 9), dtype=np.float32)
    content = Frame(pixels, pixels, np.zeros((8, 9), dtype=np.uint16), header).to_fits()
    found = summarize(content, "frame.fits")
    assert [summary.role for summary in found] == ["image", "weight", "mask"]
    assert {summary.filter_band for summary in found} == {"r"}
    assert found[0].ra_deg == pytest.approx(10.0, abs=1e-3)
    assert np.array_equal(read_image(content, 1).data, pixels)

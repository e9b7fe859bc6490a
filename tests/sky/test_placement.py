import warnings
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from hypothesis import given, settings
from hypothesis import strategies as st

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.footprint import footprint_of, pixel_to_icrs, separation_deg
from astrid_sdk.sky.placement import Placement, placement_of
from astrid_sdk.sky.tangent import Tangent, pointing_of

SHAPE = (200, 300)
RA, DEC = st.floats(0, 360), st.floats(-89.9, 89.9)
SMALL = st.floats(-1, 1)


def plain(ra: float, dec: float, **more: Any) -> fits.Header:
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CRPIX1"], header["CRPIX2"] = 120.25, 90.5
    header["CD1_1"], header["CD1_2"] = -2.1e-4, 1.3e-5
    header["CD2_1"], header["CD2_2"] = 1.1e-5, 2.0e-4
    for key, value in more.items():
        if value is None:
            header.remove(key, ignore_missing=True)
        else:
            header[key] = value
    return header


def placed(header: fits.Header) -> tuple[Placement, bool]:
    """Return the placement, and whether it was worked out without astropy."""
    text = header.tostring(padding=False, endcard=False)
    cards = Cards.parse(text)
    by_us = None not in (Tangent.of(cards), pointing_of(cards))
    return placement_of(cards, lambda: text, SHAPE), by_us


def assert_as_astropy_says(header: fits.Header, *, by_us: bool = True) -> None:
    found, ours = placed(header)
    assert ours is by_us
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(header, naxis=2)
        corners = footprint_of(wcs, SHAPE)
        ra, dec = pixel_to_icrs(wcs, (SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)
        scale = float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs)))) * 3600
    assert corners is not None
    assert found.footprint is not None
    assert found.ra_deg is not None
    assert found.dec_deg is not None
    one, other = np.array(found.footprint).T, np.array(corners).T
    assert separation_deg(*one, *other).max() < 1e-10
    assert separation_deg(found.ra_deg, found.dec_deg, float(ra), float(dec)) < 1e-10
    assert found.pixel_scale_arcsec == pytest.approx(scale)


@settings(deadline=None, max_examples=40)
@given(RA, DEC, st.lists(SMALL, min_size=4, max_size=4), st.sampled_from(["ICRS", "FK5", None]))
def test_a_tangent_plane_is_where_astropy_puts_it(
    ra: float, dec: float, turn: list[float], frame: str | None
) -> None:
    names = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
    matrix = {
        name: 1e-4 * (value + 2 * (name[2] == name[4]))
        for name, value in zip(names, turn, strict=True)
    }
    header = plain(ra, dec, **matrix, RADESYS=frame)
    if frame == "FK5":
        header["EQUINOX"] = 2000.0
    assert_as_astropy_says(header)


@settings(deadline=None, max_examples=25)
@given(RA, DEC, st.lists(SMALL, min_size=14, max_size=14))
def test_sip_polynomials_are_applied_as_astropy_does(
    ra: float, dec: float, values: list[float]
) -> None:
    header = plain(ra, dec, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=3, B_ORDER=3)
    terms = [(p, q) for p in range(4) for q in range(4 - p) if p + q >= 2]
    for word, part in (("A", values[:7]), ("B", values[7:])):
        for (p, q), value in zip(terms, part, strict=True):
            header[f"{word}_{p}_{q}"] = value * 1e-3 / 30 ** (p + q)
    assert_as_astropy_says(header)


@settings(deadline=None, max_examples=25)
@given(RA, DEC, st.lists(SMALL, min_size=22, max_size=22))
def test_tpv_polynomials_are_applied_as_astropy_does(
    ra: float, dec: float, values: list[float]
) -> None:
    header = plain(ra, dec, CTYPE1="RA---TPV", CTYPE2="DEC--TPV")
    for place, value in enumerate(values):
        axis, term = 1 + place // 11, place % 11
        header[f"PV{axis}_{term}"] = 1 + value * 1e-2 if term == 1 else value * 1e-2
    assert_as_astropy_says(header)


@pytest.mark.parametrize("turned", [0.0, 33.0, -120.0])
def test_scale_with_rotation_is_where_astropy_puts_it(turned: float) -> None:
    header = plain(200.0, 40.0, CD1_1=None, CD1_2=None, CD2_1=None, CD2_2=None)
    header["CDELT1"], header["CDELT2"] = -3e-4, 2e-4
    header["CROTA2"] = turned
    assert_as_astropy_says(header)


def test_scale_with_a_pc_matrix_is_where_astropy_puts_it() -> None:
    header = plain(200.0, 40.0, CD1_1=None, CD1_2=None, CD2_1=None, CD2_2=None)
    header["CDELT1"], header["CDELT2"] = -3e-4, 2e-4
    header["PC1_2"], header["PC2_1"] = 0.2, -0.1
    assert_as_astropy_says(header)


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN"},
        {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 10.0, "CRVAL2": 150.0},
        {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
        {"CRVAL2": 90.0},
        {"LONPOLE": 20.0},
        {"RADESYS": "FK4", "EQUINOX": 1950.0},
        {"RADESYS": "FK5", "EQUINOX": 1980.0},
        {"CUNIT1": "arcsec", "CUNIT2": "arcsec", "CD1_1": -0.7, "CD2_2": 0.7},
    ],
)
def test_all_other_planes_are_left_to_astropy(cards: dict[str, Any]) -> None:
    assert_as_astropy_says(plain(150.0, 10.0, **cards), by_us=False)


@pytest.mark.parametrize(
    "cards",
    [
        {"CD1_1": 0.0, "CD1_2": 0.0},
        {"CD1_1": 1e-4, "CD1_2": 2e-4, "CD2_1": 2e-4, "CD2_2": 4e-4},
        {"CD1_1": 1.0, "CD2_2": 1.0},
        {"CD1_1": "none"},
        {"CRVAL1": "12:00:00"},
        {"CRPIX2": "10.5", "LONPOLE": 20.0},
        {"CTYPE1": "RA---XXX"},
    ],
)
def test_a_plane_that_gives_no_position_is_warned_about(cards: dict[str, Any]) -> None:
    found, _ = placed(plain(150.0, 10.0, **cards))
    assert found.footprint is None
    assert found.warnings


def test_no_wcs_is_no_fault() -> None:
    assert placed(fits.Header())[0] == Placement()
    assert placed(fits.Header({"CTYPE1": "LINEAR"}))[0] == Placement()

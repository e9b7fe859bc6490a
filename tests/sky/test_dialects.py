"""Headers as archives write them, cut to the cards that matter.

From the archives' own documents: GALEX technical documentation; Swift UVOT software guide; STScI's
pages on Pan-STARRS1 images and their timing; HST data handbooks; TESS science data products
description; ZTF science data system; SDSS data model (frame); NOIRLab data handbook.
"""

import math
from typing import Any

import pytest
from astropy.time import Time
from headers import file_of, first, middle_is, starts_at, tan

from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.summary import summarize

Cards = dict[str, Any]


# GALEX

GALEX: Cards = {
    "TELESCOP": "GALEX",
    "OBJECT": "MISDR1_24278_0266",
    "MPSTYPE": "MIS",
    "OBS-DATE": "2004-05-13",
    "TIME-OBS": "04:05:06",
    "EXPTIME": 1505.0,
    "BAND": 1,
} | tan(150.0, 2.2, 1.5 / 3600)


def test_galex_maps_have_band_exposure_and_day() -> None:
    found = first(GALEX, name="MISDR1_24278_0266-nd-int.fits.gz")
    assert (found.survey, found.filter_band, found.exposure_time_s) == ("GALEX", "NUV", 1505.0)
    assert starts_at(found, Time("2004-05-13T04:05:06"))
    assert found.zero_point_mag == 20.08
    assert found.pixel_scale_arcsec == pytest.approx(1.5)


def test_galex_files_tell_their_band_and_role_by_their_names() -> None:
    far = first(GALEX, name="X-fd-cnt.fits")
    assert (far.filter_band, far.zero_point_mag, far.role) == ("FUV", None, Role.IMAGE)
    assert first(GALEX, name="X-nd-rrhr.fits").role is Role.WEIGHT
    assert first(GALEX, name="X-nd-flags.fits").role is Role.MASK
    assert first(GALEX).filter_band == "NUV"
    ids = [first(GALEX, name=f"X-{word}.fits").observation_id for word in ("nd-int", "nd-flags")]
    assert ids[0] == ids[1] != first(GALEX, name="X-fd-int.fits").observation_id
    day_only = {key: value for key, value in GALEX.items() if key != "TIME-OBS"}
    assert first(day_only).observation_time is None


# Swift

SWIFT: Cards = {
    "TELESCOP": "SWIFT",
    "INSTRUME": "UVOTA",
    "OBS_ID": "00030793001",
    "OBJECT": "M101",
    "TIMESYS": "TT",
    "MJDREFI": 51910,
    "MJDREFF": 7.4287037e-4,
    "TIMEUNIT": "s",
    "RA_PNT": 210.80,
    "DEC_PNT": 54.35,
}


def test_swift_exposures_start_by_the_spacecrafts_clock_in_tt() -> None:
    exposure: Cards = {
        "EXTNAME": "uw2272546034I",
        "FILTER": "UVW2",
        "TSTART": 272546034.0,
        "DATE-OBS": "2009-08-21T11:33:54",
        "EXPOSURE": 120.5,
        "TIMESYS": "TT",
    } | tan(210.8, 54.35)
    found = first(SWIFT, exposure, name="sw00030793001uw2_sk.img.gz")
    assert starts_at(
        found, Time(51910 + 7.4287037e-4, 272546034.0 / 86400, format="mjd", scale="tt")
    )
    assert (found.survey, found.filter_band, found.exposure_time_s) == ("Swift", "UVW2", 120.5)
    assert (found.pointing_ra_deg, found.role) == (210.80, Role.IMAGE)


def test_swifts_clock_correction_is_applied() -> None:
    exposure: Cards = {"TSTART": 450000000.0, "UTCFINIT": -22.8, "EXTNAME": "uvv450000000I"}
    found = first(SWIFT, exposure)
    assert starts_at(found, Time(51910 + (450000000.0 - 22.8) / 86400, format="mjd", scale="utc"))
    assert found.filter_band == "V"


def test_each_exposure_of_a_swift_file_is_its_own_observation() -> None:
    exposures = [{"TSTART": 2.7e8 + 500 * i, "EXTNAME": f"uw1{i}I"} for i in range(3)]
    found = summarize(file_of(SWIFT, *exposures), "sw00030793001uw1_sk.img")
    assert len({summary.observation_id for summary in found}) == 3
    assert {summary.filter_band for summary in found} == {"UVW1"}
    assert len({summary.observation_time for summary in found}) == 3
    maps = summarize(file_of(SWIFT, *exposures), "sw00030793001uw1_ex.img")
    assert {summary.role for summary in maps} == {Role.WEIGHT}


def test_swift_dates_without_a_clock_are_terrestrial_time() -> None:
    found = first(SWIFT, {"DATE-OBS": "2020-01-01T00:01:09.184"})
    assert starts_at(found, Time("2020-01-01T00:00:00"))


# Pan-STARRS1

PS1: Cards = {
    "EXTNAME": "rings.v3.skycell.2381.010",
    "HIERARCH FPA.FILTERID": "r.00000",
    "HIERARCH FPA.TELESCOPE": "PS1",
    "HIERARCH FPA.INSTRUMENT": "GPC1",
    "HIERARCH FPA.OBJECT": "ThreePi",
    "HIERARCH FPA.ZP": 24.6,
    "MJD-OBS": 56000.25,
    "EXPTIME": 40.0,
    "BOFFSET": 12.5,
    "BSOFTEN": 88.0,
} | tan(210.8, 54.35)


def test_pan_starrs_times_are_tai_though_no_card_says_so() -> None:
    found = first({}, PS1, name="rings.v3.skycell.2381.010.wrp.r.56000_25000.fits")
    assert starts_at(found, Time(56000.25, format="mjd", scale="tai"))
    assert (found.hdu_index, found.filter_band, found.exposure_time_s) == (1, "r", 40.0)
    assert (found.survey, found.telescope, found.instrument) == ("Pan-STARRS1", "PS1", "GPC1")
    assert found.night == "2012-03-13"  # Haleakala


def test_pan_starrs_pixels_are_said_to_be_asinh_and_have_no_zero_point() -> None:
    found = first({}, PS1)
    assert any("asinh" in warning for warning in found.warnings)
    assert found.zero_point_mag is None
    linear = {key: value for key, value in PS1.items() if key not in {"BOFFSET", "BSOFTEN"}}
    assert first({}, linear).zero_point_mag == pytest.approx(24.6 + 2.5 * math.log10(40))


def test_two_cells_of_one_pan_starrs_exposure_are_two_observations() -> None:
    names = [f"rings.v3.skycell.2381.{cell}.wrp.r.56000_25000.fits" for cell in ("010", "011")]
    assert len({first({}, PS1, name=name).observation_id for name in names}) == 2


def test_pan_starrs_files_are_roles_of_one_stack() -> None:
    stem = "rings.v3.skycell.1234.056.stk.r"
    names = (f"{stem}.unconv.fits", f"{stem}.unconv.wt.fits", f"{stem}.unconv.mask.fits")
    found = [first({}, PS1, name=name) for name in names]
    assert [summary.role for summary in found] == [Role.IMAGE, Role.WEIGHT, Role.MASK]
    assert len({summary.observation_id for summary in found}) == 1
    assert any("stack" in warning for warning in found[0].warnings)


# HST

HST: Cards = {
    "TELESCOP": "HST",
    "INSTRUME": "WFC3",
    "DETECTOR": "UVIS",
    "TARGNAME": "M101-F1",
    "ROOTNAME": "ib4k01abq",
    "DATE-OBS": "2012-03-01",
    "TIME-OBS": "10:02:03",
    "EXPSTART": 55987.41809,
    "EXPEND": 55987.43809,
    "EXPTIME": 1200.0,
    "FILTER": "F606W",
    "RA_TARG": 210.8,
    "DEC_TARG": 54.3,
}
PHOTOMETRY: Cards = {"BUNIT": "ELECTRONS/S", "PHOTFLAM": 1.1e-19, "PHOTPLAM": 5889.0}


def test_hubbles_planes_are_one_observation_with_roles() -> None:
    planes = [{"EXTNAME": word, "EXTVER": 1} for word in ("SCI", "ERR", "DQ")]
    planes[0] |= PHOTOMETRY | tan(210.8, 54.3) | {"CCDCHIP": 2}
    found = summarize(file_of(HST, *planes), "ib4k01abq_flt.fits")
    assert [summary.role for summary in found] == [Role.IMAGE, Role.WEIGHT, Role.MASK]
    assert len({summary.observation_id for summary in found}) == 1
    assert (found[0].object_name, found[0].survey, found[0].detector) == (
        "M101-F1",
        "HST",
        "UVIS-2",
    )


def test_hubbles_two_chips_are_two_observations() -> None:
    planes = [
        {"EXTNAME": word, "EXTVER": chip, "CCDCHIP": 3 - chip} if word == "SCI"
        else {"EXTNAME": word, "EXTVER": chip}
        for chip in (1, 2)
        for word in ("SCI", "ERR", "DQ")
    ]  # fmt: skip
    ids = [found.observation_id for found in summarize(file_of(HST, *planes), "x_flt.fits")]
    assert ids[0] == ids[1] == ids[2] != ids[3] == ids[4] == ids[5]


def test_hubbles_times_and_zero_point_are_read() -> None:
    found = first(HST, {"EXTNAME": "SCI"} | PHOTOMETRY)
    assert starts_at(found, Time("2012-03-01T10:02:03"))
    assert middle_is(found, Time(55987.42809, format="mjd"))
    expected = -2.5 * math.log10(1.1e-19) - 5 * math.log10(5889.0) - 2.408
    assert found.zero_point_mag == pytest.approx(expected)
    counted = first(HST, {"EXTNAME": "SCI"} | PHOTOMETRY | {"BUNIT": "ELECTRONS"})
    assert counted.zero_point_mag == pytest.approx(expected + 2.5 * math.log10(1200))
    assert first(HST, {"EXTNAME": "SCI"} | PHOTOMETRY | {"BUNIT": "Jy"}).zero_point_mag is None


def test_of_hubbles_two_wheels_the_one_that_is_not_clear_counts() -> None:
    wheels = {key: value for key, value in HST.items() if key != "FILTER"}
    wheels |= {"FILTER1": "CLEAR1L", "FILTER2": "F814W"}
    assert first(wheels, {"EXTNAME": "SCI"}).filter_band == "F814W"
    assert first({"FILTER1": "Open", "FILTER2": "V"}).filter_band == "V"
    assert first({"FILTER1": "Open", "FILTER2": "CLEAR2S"}).filter_band == "clear"


# TESS

TESS: Cards = {"TELESCOP": "TESS", "INSTRUME": "TESS Photometer", "SECTOR": 1}
FRAME: Cards = {
    "EXTNAME": "CAMERA.CCD 1.1 cal",
    "CAMERA": 1,
    "CCD": 1,
    "TIMESYS": "TDB",
    "TIMEUNIT": "d",
    "BJDREFI": 2457000,
    "BJDREFF": 0.0,
    "TSTART": (1325.317, "observation start time in BTJD"),
    "BARYCORR": (0.004, "[d] barycentric time correction"),
    "EXPOSURE": (0.016494, "[d] time on source"),
}


def test_tess_frames_start_at_their_utc_date() -> None:
    dated = FRAME | {"DATE-OBS": ("2018-07-25T19:29:42.708Z", "TSTART as UTC calendar date")}
    found = first(TESS, dated)
    assert starts_at(found, Time("2018-07-25T19:29:42.708"))
    assert (found.filter_band, found.survey, found.detector) == ("TESS", "TESS", "1-1")
    assert found.exposure_time_s == pytest.approx(0.016494 * 86400)
    assert found.instrument == "TESS Photometer"
    assert found.warnings == ()


def test_a_date_without_zone_is_barycentric_dynamical_time() -> None:
    found = first(TESS, FRAME | {"DATE-OBS": "2018-07-25T19:29:42.708"})
    assert starts_at(found, Time("2018-07-25T19:29:42.708", scale="tdb"))


def test_without_a_date_the_barycentric_time_is_taken_back() -> None:
    found = first(TESS, FRAME)
    assert starts_at(found, Time(2457000 + 1325.317 - 0.004, format="jd", scale="tdb"))
    uncorrected = first(TESS, {key: value for key, value in FRAME.items() if key != "BARYCORR"})
    assert starts_at(uncorrected, Time(2457000 + 1325.317, format="jd", scale="tdb"))
    assert any("barycentric" in warning for warning in uncorrected.warnings)


def test_tess_uncertainties_are_weights_of_the_same_observation() -> None:
    uncertainty = FRAME | {"EXTNAME": "CAMERA.CCD 1.1 uncert"}
    found = summarize(file_of(TESS, FRAME, uncertainty), "tess_ffic.fits")
    assert [summary.role for summary in found] == [Role.IMAGE, Role.WEIGHT]
    assert found[0].observation_id == found[1].observation_id


# ZTF

ZTF: Cards = {
    "TELESCOP": "P48",
    "INSTRUME": "ZTF/MOSAIC",
    "OBSMJD": 58218.298229,
    "EXPTIME": 30.0,
    "FILTER": "ZTF_r",
    "FILTERID": 2,
    "CCDID": 3,
    "QID": 2,
    "MAGZP": (26.2, "Magnitude zeropoint for this image"),
    "SEEING": (2.1, "[pixels] FWHM"),
} | tan(210.8, 54.35, 1.01 / 3600)
ZTF_STEM = "ztf_20180410298229_000535_zr_c03_o_q2"


def test_ztf_images_say_when_where_and_how_deep() -> None:
    found = first(ZTF, name=f"{ZTF_STEM}_sciimg.fits")
    assert starts_at(found, Time(58218.298229, format="mjd"))
    assert middle_is(found, Time(58218.298229 + 15 / 86400, format="mjd"))
    assert (found.filter_band, found.survey, found.detector) == ("r", "ZTF", "3-2")
    assert found.zero_point_mag == 26.2
    assert found.seeing_arcsec == pytest.approx(2.1 * 1.01)
    assert found.night == "2018-04-09"  # Palomar


def test_ztf_products_of_one_quadrant_are_one_observation() -> None:
    bare = {key: ZTF[key] for key in ("CCDID", "QID")}
    names = [f"{ZTF_STEM}_{word}.fits" for word in ("sciimg", "scimrefdiffimg", "mskimg")]
    found = [
        first(cards, name=name) for cards, name in zip((ZTF, ZTF, bare | ZTF), names, strict=True)
    ]
    assert [summary.role for summary in found] == [Role.IMAGE, Role.IMAGE, Role.MASK]
    assert len({summary.observation_id for summary in found}) == 1


# SDSS

SDSS: Cards = {
    "ORIGIN": "SDSS",
    "TELESCOP": "2.5m",
    "TAI": (4537928038.57, "1st row - Number of seconds since Nov 17 1858"),
    "DATE-OBS": ("2002-09-05", "1st row - TAI date"),
    "TAIHMS": ("07:33:58.57", "1st row - TAI time (HH:MM:SS.SS)"),
    "RUN": 3325,
    "CAMCOL": 1,
    "FIELD": 167,
    "FILTER": "r",
    "EXPTIME": "53.907456",
    "NMGY": 0.005,
    "BUNIT": "nanomaggies",
    "RA": 359.7683,
    "DEC": 0.0,
} | tan(0.1, 0.2, 0.396 / 3600)


@pytest.mark.parametrize("missing", [set(), {"TAI"}, {"DATE-OBS", "TAIHMS"}])
def test_sdss_times_are_tai_in_seconds_or_as_a_clock(missing: set[str]) -> None:
    found = first({key: value for key, value in SDSS.items() if key not in missing})
    assert starts_at(found, Time("2002-09-05T07:33:58.57", scale="tai"))


def test_sdss_frames_are_in_nanomaggies() -> None:
    found = first(SDSS, name="frame-r-003325-1-0167.fits")
    assert found.zero_point_mag == 22.5
    assert found.filter_band == "r"
    assert found.exposure_time_s == pytest.approx(53.907456)
    assert (found.survey, found.detector, found.night) == ("SDSS", "r1", "2002-09-04")
    assert (found.pointing_ra_deg, found.pointing_dec_deg) == (359.7683, 0.0)
    counted = first(SDSS | {"BUNIT": "counts"})
    assert counted.zero_point_mag == pytest.approx(22.5 - 2.5 * math.log10(0.005))


# DECam

DECAM: Cards = {
    "INSTRUME": "DECam",
    "TELESCOP": "CTIO 4.0-m telescope",
    "OBSERVAT": "CTIO",
    "DATE-OBS": ("2018-05-18T04:41:38.757696", "DateTime of observation start (UTC)"),
    "TIMESYS": "UTC",
    "EXPTIME": 75.0,
    "EXPNUM": 747382,
    "FILTER": "r DECam SDSS c0002 6415.0 1480.0",
    "PRODTYPE": "image",
    "MAGZERO": (30.4, "[mag] Magnitude corresponding to one count"),
}
CHIP: Cards = {"EXTNAME": "N12", "CCDNUM": 43, "FWHM": (4.0, "Median FWHM in pixels")}


def test_decam_chips_say_their_seeing_in_pixels() -> None:
    found = first(
        DECAM, CHIP | tan(244.4, 12.4, 0.27 / 3600), name="c4d_180518_044138_ooi_r_v1.fits"
    )
    assert found.seeing_arcsec == pytest.approx(1.08)
    assert (found.detector, found.filter_band, found.zero_point_mag) == ("43", "r", 30.4)
    assert first(DECAM, CHIP).seeing_arcsec is None  # no scale to turn pixels with


def test_image_weight_and_mask_of_a_chip_agree_though_the_weight_says_less() -> None:
    names = [f"c4d_180518_044138_oo{letter}_r_v1.fits.fz" for letter in "iwd"]
    bare: Cards = {"PRODTYPE": "image"}
    found = [
        first(cards, CHIP, name=name)
        for cards, name in zip((DECAM, bare, bare), names, strict=True)
    ]
    assert [summary.role for summary in found] == [Role.IMAGE, Role.WEIGHT, Role.MASK]
    assert len({summary.observation_id for summary in found}) == 1
    again = first(DECAM, CHIP, name="c4d_180518_044138_ooi_r_v2.fits.fz")
    assert again.observation_id == found[0].observation_id


def test_other_chips_and_other_exposures_are_other_observations() -> None:
    name = "c4d_180518_044138_ooi_r_v1.fits"
    ids = [
        first(DECAM, CHIP, name=name).observation_id,
        first(DECAM, CHIP | {"EXTNAME": "N13", "CCDNUM": 44}, name=name).observation_id,
        first(DECAM, CHIP, name="c4d_180518_044359_ooi_r_v1.fits").observation_id,
        first(DECAM | {"DATE-OBS": "2018-05-18T04:43:59.1"}, CHIP).observation_id,
    ]
    assert len(set(ids)) == 4

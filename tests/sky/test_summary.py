import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from headers import file_of, tan

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.dialect import FrameType, Role
from astrid_sdk.sky.footprint import separation_deg
from astrid_sdk.sky.summary import Summary, summarize

Cards = dict[str, object]
ARIZONA: Cards = {
    "DATE-OBS": ("2017-12-19T19:06:12.749-0700", "Start date & time of observation, LT"),
    "MJD-OBS": 58107.088,
    "EXPTIME": 60.0,
    "RA": 31.312099,
    "DEC": 46.769087,
    "FILTER": "Clear",
    "INSTRUME": "Main",
    "TELESCOP": "Cecilia",
    "IM_SCALE": 5.21,
    "OBJECT": "HATP-32",
    "LATITUDE": 31.68,
    "LONGITUD": 110.88,
}


def summary_of(*headers: Cards, name: str = "a.fits") -> Summary:
    return summarize(file_of(*headers), name)[0]


def test_a_raw_frame_without_wcs_has_a_pointing_but_no_position() -> None:
    found = summary_of(ARIZONA)
    assert (found.ra_deg, found.dec_deg, found.radius_deg, found.footprint) == (None,) * 4
    assert (found.pointing_ra_deg, found.pointing_dec_deg) == (31.312099, 46.769087)
    assert found.observation_time == datetime(2017, 12, 20, 2, 6, 12, 749000, tzinfo=UTC)
    assert (found.night, found.night_source) == ("2017-12-19", "known site Whipple Observatory")
    assert (found.filter_band, found.filter_name) == ("clear", "Clear")
    assert (found.pixel_scale_arcsec, found.exposure_time_s) == (5.21, 60.0)
    assert (found.shape, found.bitpix, found.role) == ((20, 30), 16, Role.IMAGE)
    assert found.warnings == ()


def test_an_empty_header_gives_unknowns_not_guesses() -> None:
    found = summary_of({})
    stated = {"hdu_index", "role", "shape", "bitpix", "night", "night_source", "filter_band"}
    stated |= {"frame_type", "warnings", "columns", "header"}
    for field in dataclasses.fields(found):
        if field.name not in stated:
            assert getattr(found, field.name) is None, field.name
    assert (found.night, found.filter_band) == ("undated", "unknown")
    assert (found.columns, found.header) == ((), {})
    assert found.frame_type is FrameType.UNKNOWN


@pytest.mark.parametrize(("ra", "dec"), [(150.0, 2.2), (0.0, 0.0), (359.999, -89.999), (0, 90)])
def test_the_centre_and_footprint_come_from_the_wcs(ra: float, dec: float) -> None:
    found = summary_of(tan(ra, dec))
    assert found.ra_deg is not None
    assert found.dec_deg is not None
    assert found.footprint is not None
    assert separation_deg(found.ra_deg, found.dec_deg, ra, dec) < 1e-9
    assert found.radius_deg == pytest.approx(np.hypot(0.010, 0.015), rel=1e-5)
    assert found.pixel_scale_arcsec == pytest.approx(3.6)
    assert len(found.footprint) == 4


@pytest.mark.parametrize(
    "scale", [{"CDELT1": 0.0, "CDELT2": 0.0}, {"CDELT1": 0.0}, {"CDELT2": 0.0}, None]
)
def test_a_wcs_that_gives_no_position_is_not_used_and_said_so(scale: Cards | None) -> None:
    broken = tan(10.0, 10.0)
    if scale is None:  # the standard's default would be a degree per pixel
        del broken["CDELT1"], broken["CDELT2"]
    found = summary_of(broken | (scale or {}))
    assert found.ra_deg is None
    assert any("WCS" in warning for warning in found.warnings)


def test_a_failed_calibration_is_warned_about() -> None:
    found = summary_of(tan(10.0, 10.0) | {"WCSCAL": "Failed"})
    assert any("not calibrated" in warning for warning in found.warnings)


def test_an_extension_inherits_what_describes_the_exposure() -> None:
    exposure: Cards = {
        "DATE-OBS": "2018-05-18T04:41:38.757696",
        "OBSERVAT": "CTIO",
        "EXPTIME": 75.0,
    }
    found = summary_of(exposure, tan(244.4, 12.4), name="c4d_180518_044138_oow_r_ls9.N12.fits")
    assert (found.hdu_index, found.role) == (1, Role.WEIGHT)
    assert (found.night, found.exposure_time_s) == ("2018-05-17", 75.0)
    assert found.ra_deg == pytest.approx(244.4)


def test_every_image_of_a_file_has_its_own_summary() -> None:
    content = file_of({}, {"EXTNAME": "SCI"}, {"EXTNAME": "VAR"}, {"EXTNAME": "MASK"})
    found = [(s.hdu_index, s.role) for s in summarize(content, "a.fits")]
    assert found == [(1, Role.IMAGE), (2, Role.WEIGHT), (3, Role.MASK)]


def test_an_open_longitude_does_not_matter_where_both_sides_give_one_night() -> None:
    cards: Cards = {"DATE-OBS": "2020-06-01T05:00:00", "LONGITUD": 70.0}
    assert summary_of(cards).night == "2020-05-31"
    assert "not said" in summary_of(cards).night_source


def test_an_open_longitude_that_matters_falls_back_and_says_so() -> None:
    cards: Cards = {"DATE-OBS": "2020-06-01T10:00:00", "LONGITUD": 70.0}
    found = summarize(file_of(cards), "a.fits")[0]
    assert (found.night, found.night_source.split(" (")[0]) == ("2020-05-31", "UTC minus 12 h")
    configured = summarize(file_of(cards), "a.fits", site_longitude_deg=70.0)[0]
    assert (configured.night, configured.night_source.split(" (")[0]) == (
        "2020-06-01",
        "configured site",
    )


def test_the_headers_own_site_outranks_the_configured_one() -> None:
    cards: Cards = {"DATE-OBS": "2020-06-01T10:00:00", "OBSERVAT": "CTIO"}
    assert summarize(file_of(cards), "a.fits", site_longitude_deg=149.0)[0].night == "2020-05-31"


def test_dates_that_disagree_are_warned_about_and_both_kept() -> None:
    found = summary_of({"DATE-OBS": "2018-05-18T04:00:00", "MJD-OBS": 58256.5})
    assert found.observation_time != found.observation_time_by_mjd
    assert len(found.warnings) == 1


def test_the_optics_give_a_scale_where_binning_is_clear() -> None:
    optics: Cards = {"XPIXSZ": 27.0, "FOCALLEN": 7475.0, "XBINNING": 3}
    assert summary_of(optics).pixel_scale_arcsec is None
    optics["XPIXSZ"] = (27.0, "Pixel Width in microns (after binning)")
    assert summary_of(optics).pixel_scale_arcsec == pytest.approx(0.745, abs=1e-3)


@pytest.mark.parametrize("cards", [{}, ARIZONA, ARIZONA | tan(150.0, 2.2)])
def test_a_summary_survives_json(cards: Cards) -> None:
    found = summary_of(cards)
    assert Summary.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_summary_of_the_first_parser_version_is_still_read() -> None:
    written = summary_of(ARIZONA | tan(150.0, 2.2)).to_json()
    new = {"mjd", "seeing_arcsec", "detector", "observation_id", "columns", "header"}
    old = {key: value for key, value in written.items() if key not in new} | {"parser_version": 1}
    found = Summary.from_json(json.loads(json.dumps(old)))
    assert (found.night, found.filter_band, found.header) == ("2017-12-19", "clear", {})
    assert (found.mjd, found.observation_id) == (None, None)


def test_a_summary_of_another_parser_version_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="summarise the bytes again"):
        Summary.from_json(summary_of({}).to_json() | {"parser_version": 0})


def test_summaries_depend_on_the_bytes_and_the_name_alone() -> None:
    content = file_of(ARIZONA | tan(150.0, 2.2))
    assert summarize(content, "a.fits") == summarize(content, "a.fits")


def test_a_broken_card_does_not_cost_the_summary() -> None:
    content = file_of({"OBJECT": "M 13", "EXPTIME": 60.0, "FILTER": "red"})
    broken = content.replace(b"'red     '", b"'red      ")
    found = summarize(broken, "a.fits")[0]
    assert (found.object_name, found.exposure_time_s, found.filter_band) == (
        "M 13",
        60.0,
        "unknown",
    )


def test_the_header_keeps_what_people_search_for() -> None:
    cards: Cards = {"OBSERVER": "Ruiz", "AIRMASS": 1.38, "GAIN": 2, "AOS": True, "NOTE": "x" * 300}
    found = summary_of(cards | tan(10.0, 10.0) | {"CHECKSUM": "abc", "HISTORY": "flat-fielded"})
    assert found.header == {"OBSERVER": "Ruiz", "AIRMASS": 1.38, "GAIN": 2, "AOS": True}


def test_a_long_header_is_cut_in_order_and_keeps_what_is_asked_for_most() -> None:
    cards: Cards = {f"KEY{i}": i for i in range(1200)} | {"AIRMASS": 1.2}
    found = summary_of(cards)
    assert len(found.header) == 1000
    assert list(found.header)[:3] == ["AIRMASS", "KEY0", "KEY1"]
    assert "201 cards of its long header are not kept for searches" in found.warnings
    texts: Cards = {f"TEXT{i}": "y" * 60 for i in range(900)}
    assert len(json.dumps(dict(summary_of(texts).header))) <= 50_000


def test_a_header_of_usual_length_is_kept_whole() -> None:
    cards: Cards = {f"KEY{i}": i for i in range(400)}
    found = summary_of(cards)
    assert set(cards) <= set(found.header)
    assert not any("not kept" in warning for warning in found.warnings)


def test_exposures_at_one_moment_by_unnamed_detectors_are_told_apart_by_their_place() -> None:
    exposure: Cards = {"DATE-OBS": "2020-01-01T00:00:00", "INSTRUME": "Quad"}
    images = summarize(file_of(exposure, {}, {}), "image.fits")
    weights = summarize(file_of(exposure, {}, {}), "image.weight.fits")
    ids = [found.observation_id for found in images]
    assert len(set(ids)) == 2
    assert [found.observation_id for found in weights] == ids


def test_no_instrument_or_no_time_no_observation_id() -> None:
    assert summary_of({"DATE-OBS": "2020-01-01T00:00:00"}).observation_id is None
    assert summary_of({"INSTRUME": "cam"}).observation_id is None
    found = summary_of({"DATE-OBS": "2020-01-01T00:00:00", "INSTRUME": "A Camera/2"})
    assert (
        summary_of(
            {"DATE-OBS": "2020-01-01T00:00:00", "INSTRUME": "Lucky", "EXPTIME": 0.05}
        ).observation_id
        is None
    )  # the next exposure has the same second
    assert str(found.observation_id).startswith("a-camera-2.20200101t000000.")


def test_the_start_is_also_told_as_mjd() -> None:
    assert summary_of({"DATE-OBS": "2018-05-18T12:00:00"}).mjd == pytest.approx(58256.5)


@pytest.mark.scenes
def test_image_weight_and_mask_of_every_decam_cutout_are_one_observation(scenes: Path) -> None:
    ids: dict[str, set[str | None]] = {}
    for path in sorted((scenes.parent / "decam_cutouts").glob("*.fits")):
        found = summarize(path.read_bytes(), path.name)[0].observation_id
        ids.setdefault(path.name[:20] + path.name[21:], set()).add(found)
    assert all(len(found) == 1 for found in ids.values())
    assert len(set.union(*ids.values())) == len(ids)


@pytest.mark.scenes
def test_every_decam_night_is_the_one_its_header_names(scenes: Path) -> None:
    files = sorted((scenes.parent / "decam_cutouts").glob("*.fits"))
    assert files
    for path in files:
        content = path.read_bytes()
        found = summarize(content, path.name)[0]
        assert found.night.replace("-", "") == str(fits.getval(path, "NITE")), path.name
        letter = path.name.split("_")[3][2]
        assert found.role is {"i": Role.IMAGE, "w": Role.WEIGHT, "d": Role.MASK}[letter]
        assert found.filter_band == path.name.split("_")[4]


@pytest.mark.scenes
def test_the_scenes_header_traps_are_read_right(scenes: Path) -> None:
    def first(folder: str) -> Summary:
        path = min((scenes / folder).iterdir())
        return summarize(path.read_bytes(), path.name)[0]

    arizona, argentina, simulated = (
        first("hatp32/science"),
        first("eso085/science"),
        first("sim1024/science"),
    )
    assert (arizona.night, arizona.ra_deg) == ("2017-12-19", None)
    assert arizona.observation_time == datetime(2017, 12, 20, 5, 3, 12, 346000, tzinfo=UTC)
    assert (argentina.night, argentina.ra_deg) == ("2015-12-26", None)
    assert (simulated.night, simulated.filter_band) == ("undated", "unknown")
    assert simulated.ra_deg == pytest.approx(150.0, abs=1e-3)

import pytest
from astropy.io import fits

from astrid_sdk.sky import dialect
from astrid_sdk.sky.dialect import FrameType, Role

Cards = dict[str, object]


def header(cards: Cards) -> fits.Header:
    return fits.Header([(k, *v) if isinstance(v, tuple) else (k, v) for k, v in cards.items()])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("c4d_180518_044138_ooi_r_ls9.N12.fits", Role.IMAGE),
        ("c4d_180518_044138_oow_r_ls9.N12.fits", Role.WEIGHT),
        ("nights/c4d_180518_044138_ood_r_v1.fits.fz", Role.MASK),
        ("m31.weight.fits", Role.WEIGHT),
        ("m31_mask.fits", Role.MASK),
        ("m31.fits", Role.IMAGE),
        ("weight.fits", Role.IMAGE),  # a stem is a name, not a suffix
    ],
)
def test_a_name_tells_the_role_even_where_prodtype_says_image(name: str, role: Role) -> None:
    assert (
        dialect.role_of("S9", [header({"DES_EXT": "IMAGE"})] if "c4d" in name else [], name) is role
    )


@pytest.mark.parametrize(
    ("extname", "role"),
    [
        ("SCI", Role.IMAGE),
        ("", Role.IMAGE),
        ("N12", Role.IMAGE),
        ("VAR", Role.WEIGHT),
        ("ERR", Role.WEIGHT),
        ("COVERAGE", Role.WEIGHT),
        ("MASK", Role.MASK),
        ("dq", Role.MASK),
    ],
)
def test_extname_tells_the_role(extname: str, role: Role) -> None:
    assert dialect.role_of(extname, []) is role


def test_prodtype_tells_the_role() -> None:
    assert dialect.role_of("", [header({"PRODTYPE": "wtmap"})]) is Role.WEIGHT
    assert dialect.role_of("", [header({}), header({"PRODTYPE": "dqmask"})]) is Role.MASK


@pytest.mark.parametrize(
    ("written", "band"),
    [
        ("r DECam SDSS c0002 6415.0 1480.0", "r"),
        ("VR DECam c0007 6300.0 2600.0", "VR"),
        ("Y DECam c0005 10095.0 1130.0", "Y"),
        ("Clear", "clear"),
        ("clear   ", "clear"),
        ("Luminance", "clear"),
        ("g", "g"),
        ("R", "R"),
        ("ZTF_g", "g"),
        ("sdss r'", "r"),
        ("i'", "i"),
        ("gp", "g"),
        ("r.00000", "r"),
        ("Bessell V", "V"),
        ("I_cousins", "I"),
        ("F606W", "F606W"),
        ("H-alpha", "H-alpha"),
        ("Ks", "Ks"),
        (None, "unknown"),
        ("  ", "unknown"),
    ],
)
def test_filters_are_put_in_short(written: str | None, band: str) -> None:
    assert dialect.filter_band_of(written) == band


def test_a_filter_wheels_slot_is_no_filter() -> None:
    assert dialect.filter_name_of(header({"FILTER": "2"})) is None
    assert dialect.filter_name_of(header({"FILTER": 2, "BAND": "g"})) == "g"


def test_of_two_wheels_the_one_that_is_not_clear_counts() -> None:
    assert dialect.filter_name_of(header({"FILTER1": "CLEAR1L", "FILTER2": "F814W"})) == "F814W"


@pytest.mark.parametrize(
    ("value", "hours", "degrees"),
    [
        ("16:17:32.640", True, 244.386),
        ("12:22:19.2", False, 12.372),
        ("-00:30:00", False, -0.5),
        ("-64 32 56", False, -64.54888888888889),
        ("02h03m04s", True, 30.766666666666666),
        (31.312099, True, 31.312099),
        ("31.312099", True, 31.312099),
        ("12:75:00", False, None),
        ("north", False, None),
        (True, False, None),
        (float("nan"), False, None),
    ],
)
def test_a_number_is_degrees_and_sexagesimal_ra_is_hours(
    value: object, degrees: float | None, *, hours: bool
) -> None:
    found = dialect.degrees_of(value, hours=hours)
    assert found == (None if degrees is None else pytest.approx(degrees))


@pytest.mark.parametrize(
    ("cards", "kind"),
    [
        ({"IMAGETYP": "Light Frame"}, FrameType.LIGHT),
        ({"OBSTYPE": "object"}, FrameType.LIGHT),
        ({"IMAGETYP": "Bias Frame"}, FrameType.BIAS),
        ({"OBSTYPE": "zero"}, FrameType.BIAS),
        ({"IMAGETYP": "DARK"}, FrameType.DARK),
        ({"OBSTYPE": "dome flat"}, FrameType.FLAT),
        ({"IMAGETYP": "sky flat"}, FrameType.FLAT),
        ({}, FrameType.UNKNOWN),
    ],
)
def test_frame_types_are_told(cards: Cards, kind: FrameType) -> None:
    assert dialect.frame_type_of(header(cards)) is kind


@pytest.mark.parametrize(
    ("cards", "seconds"),
    [
        ({"EXPTIME": 60.0}, 60.0),
        ({"EXPTIME": "060.00"}, 60.0),
        ({"EXPTIME": -1.0, "EXPOSURE": 5.0}, 5.0),
        ({"EXPOSURE": (0.5, "[d] time on source")}, 43200.0),
        ({"EXPTIME": (2500, "exposure in millisec")}, 2.5),
        ({"EXPTIME": "n/a"}, None),
        ({}, None),
    ],
)
def test_exposure_times_are_seconds(cards: Cards, seconds: float | None) -> None:
    assert dialect.exposure_time_of(header(cards)) == seconds


@pytest.mark.parametrize(
    ("cards", "zero_point"),
    [
        ({"MAGZPT": 25.3}, 25.3),
        ({"ZEROPT": 0.0}, None),
        ({"MAGZERO": -999.0}, None),
        ({"MAGZERO": (26.0, "Vega magnitude")}, None),
        ({"MAGZERO": 26.0, "MAGSYS": "Vega"}, None),
        ({"MAGZERO": (25.0, "[mag] magnitude of one count/s"), "EXPTIME": 100.0}, 30.0),
        ({"MAGZERO": (25.0, "[mag] magnitude of one count per sec")}, None),
        ({}, None),
    ],
)
def test_zero_points_are_ab_per_count_in_this_image(cards: Cards, zero_point: float | None) -> None:
    assert dialect.zero_point_of(header(cards)) == zero_point


def test_a_pointing_outside_the_sky_is_none() -> None:
    assert dialect.pointing_of(header({"RA": 400.0, "DEC": 10.0})) is None
    assert dialect.pointing_of(header({"RA": "16:17:32.640", "DEC": "95:00:00"})) is None

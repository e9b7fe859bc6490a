import pytest
from astropy.io import fits

from astrid_sdk.sky.sites import site_longitude

Cards = dict[str, object]


def candidates(cards: Cards, zone_h: float | None = None) -> tuple[float, ...]:
    header = fits.Header([(k, *v) if isinstance(v, tuple) else (k, v) for k, v in cards.items()])
    return tuple(round(value, 2) for value in site_longitude(header, zone_h).candidates)


def test_west_positive_arizona_is_known_by_its_latitude_and_longitude() -> None:
    assert candidates({"LATITUDE": 31.68, "LONGITUD": (110.88, "Local longitude")}) == (-110.88,)


def test_chile_is_west_whatever_the_comment_says() -> None:
    cards: Cards = {
        "OBS-LONG": (70.81489, "[deg] Observatory east longitude"),
        "OBS-LAT": -30.16606,
        "TELESCOP": "CTIO 4.0-m telescope",
        "OBSERVAT": "CTIO",
    }
    assert candidates(cards) == (-70.81,)
    del cards["OBS-LAT"]
    assert candidates(cards) == (-70.81,)


def test_east_positive_argentina_is_west() -> None:
    cards: Cards = {"SITELAT": "-31 35 48", "SITELONG": "-64 32 56"}
    assert candidates(cards)[0] == pytest.approx(-64.55)
    del cards["SITELAT"]
    assert candidates(cards)[0] == pytest.approx(-64.55)


def test_a_comment_saying_west_is_honoured() -> None:
    cards: Cards = {"SITELONG": ("+111:33:00", "LONGITUDE, DEGREES WEST OF ZERO")}
    assert candidates(cards) == (-111.55,)


def test_la_palma_needs_no_sign() -> None:
    assert candidates({"LATITUDE": 28.762, "LONGITUD": 17.877639}) == (-17.88,)


@pytest.mark.parametrize(
    ("text", "longitude_deg"),
    [("116 51 46 W", -116.86), ("149:03:58 E", 149.07), ("10.5 e", 10.5), ("10.5W", -10.5)],
)
def test_letters_are_honoured(text: str, longitude_deg: float) -> None:
    assert candidates({"LONG-OBS": text}) == (longitude_deg,)


def test_a_letter_outranks_a_site_on_the_other_side() -> None:
    assert candidates({"LATITUDE": 31.68, "LONGITUD": "110.88 E"}) == (110.88,)


def test_the_standards_own_keywords_are_east_positive() -> None:
    assert candidates({"OBSGEO-L": 100.0}) == (100.0,)
    assert candidates({"OBSGEO-X": 0.0, "OBSGEO-Y": -6.3e6}) == (-90.0,)
    assert candidates({"OBSGEO-X": 0.0, "OBSGEO-Y": 0.0}) == ()


def test_the_time_zone_tells_the_side() -> None:
    assert candidates({"LONGITUD": 100.0}, -7.0) == (-100.0,)
    assert candidates({"LONGITUD": 100.0}, 7.0) == (100.0,)


def test_the_country_tells_the_side() -> None:
    assert candidates({"LONGITUD": 100.0, "COUNTRY": "USA"}) == (-100.0,)
    assert candidates({"LONGITUD": 100.0, "COUNTRY": "China"}) == (100.0,)


def test_a_bare_positive_longitude_is_open() -> None:
    assert candidates({"LONGITUD": 100.0}) == (100.0, -100.0)


def test_a_bare_negative_longitude_is_west() -> None:
    assert candidates({"LONG-OBS": -100.0}) == (-100.0,)


@pytest.mark.parametrize("value", ["", "unknown", 400.0, True])
def test_nonsense_is_no_longitude(value: object) -> None:
    assert candidates({"LONGITUD": value}) == ()


def test_a_named_site_must_not_contradict_the_longitude() -> None:
    # two telescopes may share a name; the longitude of the other one is open, not Chile's
    assert candidates({"OBSERVAT": "CTIO", "LONGITUD": 20.0}) == (20.0, -20.0)


def test_a_site_known_by_name_needs_no_longitude() -> None:
    assert candidates({"TELESCOP": "Palomar 48-inch"}) == (-116.86,)

from datetime import UTC, datetime, timedelta, timezone

import pytest

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.night import observing_night


@pytest.mark.parametrize(
    ("utc", "longitude_deg", "night"),
    [
        ("2018-05-18T04:41:38", -70.81, "2018-05-17"),  # after midnight in Chile
        ("2018-05-17T23:30:00", -70.81, "2018-05-17"),  # evening of the same night
        ("2018-05-18T10:00:00", -70.81, "2018-05-17"),  # morning twilight
        ("2024-03-01T10:00:00", 149.07, "2024-03-01"),  # evening in Australia
        ("2024-03-01T18:00:00", 149.07, "2024-03-01"),  # past midnight there
        ("2024-03-01T00:30:00", -155.47, "2024-02-29"),  # afternoon in Hawaii, leap day
        ("2024-01-01T08:00:00", -116.86, "2023-12-31"),  # over the new year
    ],
)
def test_a_night_is_the_local_date_at_the_noon_before(
    utc: str, longitude_deg: float, night: str
) -> None:
    start = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert observing_night(start, longitude_deg) == night


def test_the_night_turns_at_local_noon() -> None:
    noon = datetime(2020, 6, 1, 12, 0, tzinfo=UTC) + timedelta(hours=70.0 / 15.0)
    assert observing_night(noon, -70.0) == "2020-06-01"
    assert observing_night(noon - timedelta(seconds=1), -70.0) == "2020-05-31"


def test_without_a_site_the_night_turns_at_noon_utc() -> None:
    assert observing_night(datetime(2020, 6, 1, 11, 59, tzinfo=UTC)) == "2020-05-31"
    assert observing_night(datetime(2020, 6, 1, 12, 0, tzinfo=UTC)) == "2020-06-01"


def test_longitudes_beyond_180_are_the_same_places() -> None:
    start = datetime(2020, 6, 1, 5, 0, tzinfo=UTC)
    assert observing_night(start, 289.19) == observing_night(start, -70.81)


def test_the_zone_of_the_time_does_not_matter() -> None:
    local = datetime(2017, 12, 19, 22, 3, tzinfo=timezone(timedelta(hours=-7)))
    assert observing_night(local, -110.88) == "2017-12-19"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="zone"):
        observing_night(datetime(2020, 6, 1))  # noqa: DTZ001 - the point of the test

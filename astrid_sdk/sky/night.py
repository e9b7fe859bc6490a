"""The night an exposure belongs to: the local date at the noon before it began."""

from datetime import UTC, datetime, timedelta

from astrid_sdk.errors import InvalidInputError

UNDATED = "undated"


def observing_night(start: datetime, longitude_deg: float | None = None) -> str:
    """Return the night of an exposure, YYYY-MM-DD.

    Parameters
    ----------
    start : datetime
        Exposure start, with its time zone.
    longitude_deg : float, optional
        Of the site, degrees, east positive. Without it the night turns at noon UTC.

    Raises
    ------
    InvalidInputError
        `start` has no time zone: a night cannot be told from it.
    """
    if start.tzinfo is None:
        raise InvalidInputError("a time without zone has no night: give it in UTC", kind="no_zone")
    # Mean solar time: an hour for 15 degrees. Half a day earlier, noon is where the date turns.
    east_deg = ((longitude_deg or 0.0) + 180.0) % 360.0 - 180.0
    shifted = start.astimezone(UTC) + timedelta(hours=east_deg / 15.0 - 12.0)
    return shifted.date().isoformat()

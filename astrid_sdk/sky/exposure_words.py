"""What images and tables say alike: of what, when, through what, by what."""

from typing import Any

from astrid_sdk.sky import dialect
from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.night import UNDATED, observing_night
from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.sites import site_longitude
from astrid_sdk.sky.times import ExposureTimes, exposure_times, mjd_utc

_SCALE_KEYS = ("PIXSCALE", "IM_SCALE", "PIXSCAL1", "SECPIX", "SECPIX1", "PIXSCAL", "SCALE")
_ARCSEC_PER_RADIAN = 206264.806


def exposure_words(
    header: Cards, configured_deg: float | None, remarks: tuple[str, ...]
) -> dict[str, Any]:
    """Return the fields of a summary that a header's words give, by name.

    Parameters
    ----------
    header : Cards
        Translated.
    configured_deg : float or None
        Longitude of the site, for headers that do not say it.
    remarks : tuple of str
        More warnings.
    """
    steady = _steady(header)
    seconds = steady["exposure_time_s"]
    times = exposure_times(header, seconds)
    night, night_source = _night(header, times, configured_deg)
    pointing = dialect.pointing_of(header) or (None, None)
    return {
        "object_name": dialect.object_of(header),
        "pointing_ra_deg": pointing[0],
        "pointing_dec_deg": pointing[1],
        "observation_time": times.start,
        "observation_time_by_mjd": times.start_by_mjd,
        "midpoint_mjd_tai": times.midpoint_mjd_tai,
        "mjd": None if times.start is None else mjd_utc(times.start),
        "night": night,
        "night_source": night_source,
        **steady,
        "warnings": (*times.warnings, *remarks),
    }


@remembered
def _steady(header: Cards) -> dict[str, Any]:
    """Return the fields that most headers of a camera have in common."""
    filter_name = dialect.filter_name_of(header)
    return {
        "filter_band": dialect.filter_band_of(filter_name),
        "filter_name": filter_name,
        "exposure_time_s": dialect.exposure_time_of(header),
        "instrument": dialect.text_of(header, "INSTRUME", "DETNAM", "CAMERA"),
        "telescope": dialect.text_of(header, "TELESCOP"),
        "survey": dialect.survey_of(header),
        "detector": dialect.detector_of(header),
    }


def _night(header: Cards, times: ExposureTimes, configured_deg: float | None) -> tuple[str, str]:
    """Return the night, and what it was told from.

    Where the header leaves east and west open but both give the same night, that night is sure.
    """
    if times.start is None:
        return UNDATED, "no usable time in the header"
    start = times.start
    site = site_longitude(header, times.zone_offset_h)
    nights = {observing_night(start, longitude) for longitude in site.candidates}
    if len(nights) == 1:
        return nights.pop(), site.source
    if configured_deg is not None:
        return observing_night(start, configured_deg), f"configured site ({site.source})"
    return observing_night(start), f"UTC minus 12 h ({site.source})"


def written_scale_arcsec(header: Cards) -> float | None:
    """Return the pixel scale, arcsec, that the header states or that its optics give, or None."""
    scale = dialect.number_of(header, *_SCALE_KEYS)
    if scale is not None and scale > 0:
        return scale
    side_um, focal_mm = (dialect.number_of(header, key) for key in ("XPIXSZ", "FOCALLEN"))
    binned = dialect.number_of(header, "XBINNING") in (None, 1.0)
    if not side_um or not focal_mm or side_um < 0 or focal_mm < 0:
        return None
    if not binned and "after binning" not in dialect.comment_of(header, "XPIXSZ"):
        return None  # some cameras write the size before binning
    return _ARCSEC_PER_RADIAN * side_um / 1000.0 / focal_mm

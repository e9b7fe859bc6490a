"""Where the telescope stood: a longitude, east positive, out of headers that differ in sign.

A bare ``LONGITUD = 110.88`` may be east or west. What decides, in this order: geocentric
coordinates, a letter E or W, an observatory known by name or by its latitude, a comment that says
west, the time zone, the country, a comment that says east, a minus sign. Some comments lie (one
camera calls 70.8 in Chile an east longitude), so places come before comments. Where nothing
decides, both longitudes are candidates: often both give the same night.
"""

import math
import re
from dataclasses import dataclass

from astrid_sdk.sky.remembered import remembered
from astrid_sdk.sky.words import Header, comment_of, degrees_of, number_of, text_of

# Name, words found in headers, latitude and east longitude in degrees (IAU/MPC, rounded).
_KNOWN_SITES: tuple[tuple[str, str, float, float], ...] = (
    ("Whipple Observatory", r"whipple|flwo|mt\.? hopkins", 31.68, -110.88),
    ("Cerro Tololo", r"\bctio\b|tololo|decam\b", -30.17, -70.81),
    ("Cerro Pachon", r"pachon|\bsoar\b|rubin|gemini.south", -30.24, -70.74),
    ("La Silla", r"la ?silla", -29.26, -70.73),
    ("Paranal", r"paranal|\bvlt\b|\bvst\b|\bvista\b", -24.63, -70.40),
    ("Las Campanas", r"campanas|\blco\b.*(swope|dupont|magellan)|magellan", -29.01, -70.69),
    ("Bosque Alegre", r"bosque alegre|\beaba\b", -31.60, -64.55),
    ("Palomar", r"palomar|\bp48\b|\bp60\b|\bztf\b", 33.36, -116.86),
    ("Kitt Peak", r"kitt peak|\bkpno\b|\bwiyn\b|bok 90", 31.96, -111.60),
    ("Mauna Kea", r"ma?una ?kea|\bcfht\b|keck|subaru|gemini.north|\bukirt\b", 19.82, -155.47),
    ("Haleakala", r"haleakala|\bps1\b|pan-?starrs", 20.71, -156.26),
    ("Roque de los Muchachos", r"la ?palma|roque de|lpo2\.5|\borm\b", 28.76, -17.88),
    ("Teide", r"\bteide\b|tenerife", 28.30, -16.51),
    ("Calar Alto", r"calar alto", 37.22, -2.55),
    ("Sutherland", r"\bsaao\b|sutherland", -32.38, 20.81),
    ("Siding Spring", r"siding spring|\bsso\b|\baat\b|skymapper", -31.27, 149.06),
    ("McDonald", r"mcdonald", 30.67, -104.02),
    ("Apache Point", r"apache point|\bapo\b|sdss 2\.5", 32.78, -105.82),
    ("Lick", r"\blick\b|mt\.? hamilton", 37.34, -121.64),
    ("Xinglong", r"xinglong", 40.39, 117.58),
    ("Hanle", r"\bhanle\b|\biao\b|himalayan chandra", 32.78, 78.96),
)
_SITE_KEYS = ("OBSERVAT", "SITENAME", "SITE", "OBSNAME", "TELESCOP", "INSTRUME", "LOCATION")
# Longitude and latitude of one dialect stand side by side.
_POSITION_KEYS = (
    ("SITELONG", "SITELAT"),
    ("LONGITUD", "LATITUDE"),
    ("OBS-LONG", "OBS-LAT"),
    ("LONG-OBS", "LAT-OBS"),
    ("GEOLON", "GEOLAT"),
    ("TELLONG", "TELLAT"),
    ("TELGLONG", "TELGLAT"),
    ("OBSLONG", "OBSLAT"),
    ("SITELON", "SITELAT"),
    ("LONGITUDE", "LATITUDE"),
)
_WEST = re.compile(r"usa?|united states.*|canada|mexico|chile|argentina|brazil|peru")
_EAST = re.compile(r"australia|china|japan|india|israel|south africa|italy|germany|korea|turkey")
_LETTER = re.compile(r"^(.*?)\s*([EW])\.?$", re.IGNORECASE)
_SAME_PLACE_DEG = 0.5
_NEAR_CENTRE_M = 1e5
_TURN_DEG = 360.0
_ZONE_SPREAD_DEG = 60.0  # clocks stray from the sun by up to four hours


@dataclass(frozen=True, slots=True)
class SiteLongitude:
    """Longitudes the header allows, degrees east: none, one, or two that differ in sign."""

    candidates: tuple[float, ...]
    source: str


@remembered
def site_longitude(header: Header, zone_offset_h: float | None = None) -> SiteLongitude:
    """Return the longitude of the telescope, or both candidates where the sign is open.

    Parameters
    ----------
    header : Header
        Of the exposure.
    zone_offset_h : float, optional
        Hours east of UTC of the header's local times, where they carry a numeric zone.
    """
    geocentric = _geocentric(header)
    if geocentric is not None:
        return geocentric
    key = next((k for k, _ in _POSITION_KEYS if header.get(k) not in (None, "")), None)
    value = header[key] if key else None
    lettered = _lettered(value)
    if lettered is not None:
        return SiteLongitude((lettered,), f"header {key}={value}")
    written = _in_range(degrees_of(value))
    known = _known_site(header, written)
    if known is not None:
        return known
    if key is None or written is None:
        return SiteLongitude((), "no site in the header")
    return _signed(header, key, written, zone_offset_h)


def _geocentric(header: Header) -> SiteLongitude | None:
    """OBSGEO-L and OBSGEO-X, -Y are east positive by the standard (FITS 4.0, section 9.2.3)."""
    longitude = number_of(header, "OBSGEO-L")
    if longitude is not None:
        return SiteLongitude((_wrapped(longitude),), "header OBSGEO-L")
    x, y = number_of(header, "OBSGEO-X"), number_of(header, "OBSGEO-Y")
    if x is None or y is None or math.hypot(x, y) < _NEAR_CENTRE_M:
        return None
    return SiteLongitude((math.degrees(math.atan2(y, x)),), "header OBSGEO-X, OBSGEO-Y")


def _lettered(value: object) -> float | None:
    """Return an east-positive longitude from text that ends in E or W, else None."""
    found = _LETTER.match(value.strip()) if isinstance(value, str) else None
    degrees = _in_range(degrees_of(found.group(1))) if found else None
    if found is None or degrees is None:
        return None
    return _wrapped(abs(degrees) if found.group(2) in "Ee" else -abs(degrees))


def _in_range(longitude_deg: float | None) -> float | None:
    outside = longitude_deg is None or abs(longitude_deg) > _TURN_DEG
    return None if outside else longitude_deg


def _known_site(header: Header, written: float | None) -> SiteLongitude | None:
    """Return the site known by its name, or by its latitude and the size of its longitude."""
    words = " / ".join(text for key in _SITE_KEYS if (text := text_of(header, key))).lower()
    latitude = next(
        (deg for _, key in _POSITION_KEYS if (deg := degrees_of(header.get(key))) is not None), None
    )
    for name, pattern, site_latitude, longitude in _KNOWN_SITES:
        agrees = (
            written is not None
            and min(abs(_wrapped(written - longitude)), abs(_wrapped(-written - longitude)))
            < _SAME_PLACE_DEG
        )
        same_latitude = latitude is not None and abs(latitude - site_latitude) < _SAME_PLACE_DEG
        named = bool(re.search(pattern, words)) and (agrees or written is None)
        if named or (agrees and same_latitude):
            return SiteLongitude((longitude,), f"known site {name}")
    return None


def _signed(header: Header, key: str, written: float, zone_offset_h: float | None) -> SiteLongitude:
    """Return `written` with its sign settled by the header's other words, or both signs."""
    value = _wrapped(written)
    text = f"header {key}={header[key]}"
    side, why = _side(header, key, value, zone_offset_h)
    if side is None:
        return SiteLongitude((value, -value), f"{text}, east or west is not said")
    # Beyond the words, 0 to 360 west and -180 to 180 are told apart by the wrapping alone.
    return SiteLongitude((abs(value) * side,), f"{text}, {why}")


def _side(
    header: Header, key: str, value: float, zone_offset_h: float | None
) -> tuple[int | None, str]:
    """Return +1 for east, -1 for west or None, and the reason."""
    comment = comment_of(header, key)
    if "west" in comment:
        return (-1 if value > 0 else 1), "west positive by its comment"
    if zone_offset_h is not None and abs(zone_offset_h) > 1 and abs(value) > _ZONE_SPREAD_DEG / 2:
        return (1 if zone_offset_h > 0 else -1), "side by the time zone"
    country = (text_of(header, "COUNTRY") or "").lower()
    for side, known in ((-1, _WEST), (1, _EAST)):
        if known.fullmatch(country):
            return side, f"side by the country {country}"
    if "east" in comment or value < 0 or (key == "SITELONG" and "SBSTDVER" in header):
        return (1 if value > 0 else -1), "east positive"
    return None, ""


def _wrapped(longitude_deg: float) -> float:
    """Return the longitude within -180 to 180 degrees."""
    return (longitude_deg + 180.0) % 360.0 - 180.0

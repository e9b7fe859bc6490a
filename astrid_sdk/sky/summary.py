"""What the bytes of an observation say about it, ready for the catalogue.

A summary is a function of the bytes, the file's name and the parser's version: it can be thrown
away and computed again. What a header does not say for certain is None.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky import dialect
from astrid_sdk.sky.dialect import FrameType, Role
from astrid_sdk.sky.fits_files import ImageHduInfo, images_in, merged_header, open_fits
from astrid_sdk.sky.footprint import (
    Corners,
    bounding_circle,
    footprint_of,
    pixel_to_icrs,
    separation_deg,
)
from astrid_sdk.sky.frame import celestial_wcs
from astrid_sdk.sky.night import UNDATED, observing_night
from astrid_sdk.sky.sites import site_longitude
from astrid_sdk.sky.times import ExposureTimes, exposure_times

PARSER_VERSION = 1
_SCALE_KEYS = ("PIXSCALE", "IM_SCALE", "PIXSCAL1", "SECPIX", "SECPIX1", "PIXSCAL")
_SKY_AXES = ("RA-", "DEC-", "GLON", "GLAT", "ELON", "ELAT")
_ARCSEC_PER_RADIAN = 206264.806


@dataclass(frozen=True, slots=True)
class Summary:
    """One observation: one image HDU of one file.

    Attributes
    ----------
    hdu_index : int
        Number of the HDU in the file.
    role : Role
        Image, weight or mask.
    shape : tuple of int
        (ny, nx), pixels.
    bitpix : int
        FITS data type as stored.
    object_name : str or None
    ra_deg, dec_deg : float or None
        Centre of the image by its WCS, ICRS; None without WCS, never the pointing.
    radius_deg : float or None
        From the centre to the furthest corner.
    footprint : tuple of (ra, dec) or None
        Outer corners of the corner pixels, ICRS degrees.
    pointing_ra_deg, pointing_dec_deg : float or None
        Where the telescope was told to point.
    observation_time : datetime or None
        Exposure start, UTC.
    observation_time_by_mjd : datetime or None
        The same by the header's Julian dates, where they are given.
    midpoint_mjd_tai : float or None
        Middle of the exposure, MJD TAI.
    night, night_source : str
        YYYY-MM-DD or ``undated``, and what it was told from.
    filter_band, filter_name : str, str or None
        The band in short, ``unknown`` without; the filter as the header writes it.
    exposure_time_s : float or None
    instrument, telescope, survey : str or None
    pixel_scale_arcsec : float or None
        Side of a square pixel of the same area, by the WCS, else by the header's word.
    zero_point_mag : float or None
        AB magnitude of one count.
    frame_type : FrameType
    warnings : tuple of str
        What is doubtful in the header, in sentences.
    """

    hdu_index: int
    role: Role
    shape: tuple[int, int]
    bitpix: int
    object_name: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    footprint: Corners | None = None
    pointing_ra_deg: float | None = None
    pointing_dec_deg: float | None = None
    observation_time: datetime | None = None
    observation_time_by_mjd: datetime | None = None
    midpoint_mjd_tai: float | None = None
    night: str = UNDATED
    night_source: str = ""
    filter_band: str = dialect.UNKNOWN
    filter_name: str | None = None
    exposure_time_s: float | None = None
    instrument: str | None = None
    telescope: str | None = None
    survey: str | None = None
    pixel_scale_arcsec: float | None = None
    zero_point_mag: float | None = None
    frame_type: FrameType = FrameType.UNKNOWN
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values, with the parser's version; times in ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"parser_version": PARSER_VERSION} | {k: _plain(v) for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the summary that `to_json` wrote.

        Raises
        ------
        InvalidInputError
            Kind ``parser_version``: another version wrote it; summarise the bytes again.
        """
        if values.get("parser_version") != PARSER_VERSION:
            raise InvalidInputError(
                f"summary of parser version {values.get('parser_version')!r}, not "
                f"{PARSER_VERSION}: summarise the bytes again",
                kind="parser_version",
            )
        given = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
        for key in ("observation_time", "observation_time_by_mjd"):
            given[key] = datetime.fromisoformat(given[key]) if given.get(key) else None
        corners = given.get("footprint")
        given["footprint"] = tuple((a, d) for a, d in corners) if corners else None
        given |= {"role": Role(given["role"]), "frame_type": FrameType(given["frame_type"])}
        given |= {"shape": tuple(given["shape"]), "warnings": tuple(given["warnings"])}
        return cls(**given)


def summarize(
    content: bytes, name: str = "", *, site_longitude_deg: float | None = None
) -> list[Summary]:
    """Return one summary for each image HDU in a FITS file; no pixel is read.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        Its name: pipelines put an image's role there.
    site_longitude_deg : float, optional
        Of the telescope, east positive, for headers that do not say where it stands.

    Raises
    ------
    InvalidInputError
        As `astrid_sdk.sky.fits_files.image_hdus`.
    """
    with open_fits(content, name) as hdus:
        return [
            _summary_of(
                merged_header(hdus, info.index), info, hdus[info.index].header, site_longitude_deg
            )
            for info in images_in(hdus, name)
        ]


def _summary_of(
    header: fits.Header, info: ImageHduInfo, own: fits.Header, configured_deg: float | None
) -> Summary:
    seconds = dialect.exposure_time_of(header)
    times = exposure_times(header, seconds)
    night, night_source = _night(header, times, configured_deg)
    pointing = dialect.pointing_of(header) or (None, None)
    sky = _Sky.of(header, info.shape, claimed=str(own.get("CTYPE1", "")).startswith(_SKY_AXES))
    filter_name = dialect.filter_name_of(header)
    return Summary(
        hdu_index=info.index,
        role=info.role,
        shape=info.shape,
        bitpix=int(own["BITPIX"]),
        object_name=dialect.text_of(header, "OBJECT", "OBJNAME"),
        ra_deg=sky.ra_deg,
        dec_deg=sky.dec_deg,
        radius_deg=sky.radius_deg,
        footprint=sky.footprint,
        pointing_ra_deg=pointing[0],
        pointing_dec_deg=pointing[1],
        observation_time=times.start,
        observation_time_by_mjd=times.start_by_mjd,
        midpoint_mjd_tai=times.midpoint_mjd_tai,
        night=night,
        night_source=night_source,
        filter_band=dialect.filter_band_of(filter_name),
        filter_name=filter_name,
        exposure_time_s=seconds,
        instrument=dialect.text_of(header, "INSTRUME", "DETNAM", "CAMERA"),
        telescope=dialect.text_of(header, "TELESCOP"),
        survey=dialect.survey_of(header),
        pixel_scale_arcsec=sky.pixel_scale_arcsec or _written_scale(header),
        zero_point_mag=dialect.zero_point_of(header),
        frame_type=dialect.frame_type_of(header),
        warnings=(*times.warnings, *sky.warnings),
    )


@dataclass(frozen=True, slots=True)
class _Sky:
    """What the WCS of an image says; all None without a sound one."""

    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    footprint: Corners | None = None
    pixel_scale_arcsec: float | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: fits.Header, shape: tuple[int, int], *, claimed: bool) -> "_Sky":
        wcs = celestial_wcs(header)
        corners = footprint_of(wcs, shape) if wcs is not None else None
        if wcs is None or corners is None:
            unsound = "the WCS gives no sound position: it is not used"
            return cls(warnings=(unsound,) if claimed else ())
        return cls._sound(wcs, corners, shape, header)

    @classmethod
    def _sound(
        cls, wcs: WCS, corners: Corners, shape: tuple[int, int], header: fits.Header
    ) -> "_Sky":
        ny, nx = shape
        ra, dec = (float(v) for v in pixel_to_icrs(wcs, (nx - 1) / 2, (ny - 1) / 2))
        if not np.isfinite([ra, dec]).all():
            ra, dec, _ = bounding_circle(corners)
        failed = (dialect.text_of(header, "WCSCAL") or "").lower().startswith(("fail", "unsuc"))
        return cls(
            ra_deg=ra,
            dec_deg=dec,
            radius_deg=_radius_deg(ra, dec, corners),
            footprint=corners,
            pixel_scale_arcsec=float(np.sqrt(np.prod(proj_plane_pixel_scales(wcs)))) * 3600.0,
            warnings=("the header says that its WCS was not calibrated",) if failed else (),
        )


def _radius_deg(ra_deg: float, dec_deg: float, corners: Corners) -> float:
    ra, dec = np.array(corners).T
    return float(separation_deg(ra_deg, dec_deg, ra, dec).max())


def _night(
    header: fits.Header, times: ExposureTimes, configured_deg: float | None
) -> tuple[str, str]:
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


def _written_scale(header: fits.Header) -> float | None:
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


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value

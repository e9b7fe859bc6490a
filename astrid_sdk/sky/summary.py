"""What the bytes of an observation say about it, ready for the catalogue.

A summary is a function of the bytes, the file's name and the parser's version: it can be thrown
away and computed again. What a header does not say for certain is None.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Self

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.blocks import walk
from astrid_sdk.sky.cards import Value
from astrid_sdk.sky.dialect import UNKNOWN, FrameType, Role
from astrid_sdk.sky.hdus import planes_in
from astrid_sdk.sky.night import UNDATED
from astrid_sdk.sky.placement import Corners
from astrid_sdk.sky.said import said_by
from astrid_sdk.sky.sources import BytesSource, FileSource, Source
from astrid_sdk.sky.unpacking import decompressed, plain_file
from astrid_sdk.sky.usable import usable_planes

PARSER_VERSION = 2
_READABLE_VERSIONS = (1, 2)  # 1 lacks the fields that have come since: they are None


@dataclass(frozen=True, slots=True)
class Summary:
    """One image HDU of one file, or one table where a file holds no image.

    Attributes
    ----------
    hdu_index : int
        Number of the HDU in the file.
    role : Role
        Image, weight, mask or table.
    shape : tuple of int
        (ny, nx), pixels; of a table (rows, columns).
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
    mjd : float or None
        Exposure start, MJD UTC.
    seeing_arcsec : float or None
        FWHM of stars that the header tells.
    detector : str or None
        The chip: CCDNUM, camera and CCD, quadrant, name.
    observation_id : str or None
        Shared by the image, weight and mask of one exposure on one detector; see
        `astrid_sdk.sky.identity.observation_id`.
    columns : tuple of str
        Of a table: the names of its columns, the first 200.
    header : mapping of str to value
        The cards people search for.
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
    filter_band: str = UNKNOWN
    filter_name: str | None = None
    exposure_time_s: float | None = None
    instrument: str | None = None
    telescope: str | None = None
    survey: str | None = None
    pixel_scale_arcsec: float | None = None
    zero_point_mag: float | None = None
    frame_type: FrameType = FrameType.UNKNOWN
    warnings: tuple[str, ...] = ()
    mjd: float | None = None
    seeing_arcsec: float | None = None
    detector: str | None = None
    observation_id: str | None = None
    columns: tuple[str, ...] = ()
    header: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values, with the parser's version; times in ISO 8601."""
        return _to_json(dict(zip(_FIELDS, _fields_of(self), strict=True)))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the summary that `to_json` wrote, in this or an earlier release.

        Raises
        ------
        InvalidInputError
            Kind ``parser_version``: a later version wrote it; summarise the bytes again.
        """
        if values.get("parser_version") not in _READABLE_VERSIONS:
            raise InvalidInputError(
                f"summary of parser version {values.get('parser_version')!r}, not "
                f"{PARSER_VERSION}: summarise the bytes again",
                kind="parser_version",
            )
        given = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
        for key in _TIMES:
            given[key] = datetime.fromisoformat(given[key]) if given.get(key) else None
        corners = given.get("footprint")
        given["footprint"] = tuple((a, d) for a, d in corners) if corners else None
        given |= {"role": Role(given["role"]), "frame_type": FrameType(given["frame_type"])}
        given |= {"shape": tuple(given["shape"]), "warnings": tuple(given["warnings"])}
        given |= {"columns": tuple(given.get("columns", ())), "header": given.get("header", {})}
        return cls(**given)


_FIELDS = tuple(field.name for field in dataclasses.fields(Summary))
_ENUMS = ("role", "frame_type")
_TUPLES = ("shape", "warnings", "columns")
_TIMES = ("observation_time", "observation_time_by_mjd")
_fields_of = attrgetter(*_FIELDS)
_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(Summary)
    if field.default is not dataclasses.MISSING
}


def summarize(
    content: bytes, name: str = "", *, site_longitude_deg: float | None = None
) -> list[Summary]:
    """Return one summary for each image HDU in a FITS file, or for each table without images.

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
        Kind ``empty``, ``not_fits``, ``truncated``, ``too_large``, ``cube`` or ``no_image``.
    """
    hdus = list(walk(BytesSource(decompressed(content, name)), name))
    said = said_by(hdus, planes_in(hdus, name), name, site_longitude_deg)
    return [Summary(**values) for values in said]


def summarize_file(
    path: Path, name: str = "", *, site_longitude_deg: float | None = None
) -> list[Summary]:
    """Return the summaries of the file at `path`, after checking that it is usable.

    Headers are read, and pixels up to the first that has a value: a large file costs no more than
    a small one, unless it is packed.

    Parameters
    ----------
    path : Path
    name : str
        What the file is called, where that is not the name at the end of `path`.
    site_longitude_deg : float, optional
        As in `summarize`.

    Raises
    ------
    InvalidInputError
        As `summarize` and `astrid_sdk.sky.fits_files.check_usable`; kind ``unreadable`` where the
        system refuses.
    """
    called = name or path.name
    with plain_file(path, called) as file:
        return _summaries_of_usable(file, called, site_longitude_deg)


def told_by(source: Source, name: str) -> list[dict[str, Any]]:
    """Return what `Summary.to_json` gives of each summary of a plain file; see `summarize_file`."""
    return [_to_json(values) for values in _said_by_usable(source, name, None)]


def _summaries_of_usable(
    file: IO[bytes], name: str, site_longitude_deg: float | None
) -> list[Summary]:
    said = _said_by_usable(FileSource(file), name, site_longitude_deg)
    return [Summary(**values) for values in said]


def _said_by_usable(
    source: Source, name: str, site_longitude_deg: float | None
) -> list[dict[str, Any]]:
    hdus = list(walk(source, name))
    planes = usable_planes(source, hdus, name)
    return said_by(hdus, planes, name, site_longitude_deg)


def _to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {"parser_version": PARSER_VERSION, **_DEFAULTS, **values}
    for key in _ENUMS:
        found[key] = str(found[key])
    for key in _TUPLES:
        found[key] = list(found[key])
    for key in _TIMES:
        if found[key] is not None:
            found[key] = _time_text(found[key])
    if found["footprint"] is not None:
        found["footprint"] = [list(corner) for corner in found["footprint"]]
    found["header"] = dict(found["header"])
    return found


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

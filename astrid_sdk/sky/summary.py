"""What the bytes of an observation say about it, ready for the catalogue.

A summary is a function of the bytes, the file's name and the parser's version: it can be thrown
away and computed again. What a header does not say for certain is None.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Self

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky import dialect
from astrid_sdk.sky.blocks import HduHeader, walk
from astrid_sdk.sky.cards import Cards, Value
from astrid_sdk.sky.dialect import FrameType, Role
from astrid_sdk.sky.dialects import translation_of
from astrid_sdk.sky.exposure_words import exposure_words, written_scale_arcsec
from astrid_sdk.sky.hdus import Words, plane_of, planes_in, tables_in, words_of
from astrid_sdk.sky.header_words import searchable
from astrid_sdk.sky.identity import Exposure, observation_id
from astrid_sdk.sky.names import exposure_of_name
from astrid_sdk.sky.night import UNDATED
from astrid_sdk.sky.placement import Corners, placement_of, with_calibration
from astrid_sdk.sky.sources import BytesSource, FileSource, Source
from astrid_sdk.sky.unpacking import decompressed, plain_file, plain_of
from astrid_sdk.sky.usable import check_usable_hdus

PARSER_VERSION = 2
_READABLE_VERSIONS = (1, 2)  # 1 lacks the fields that have come since: they are None
_MAX_COLUMNS = 200


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
    mjd: float | None = None
    seeing_arcsec: float | None = None
    detector: str | None = None
    observation_id: str | None = None
    columns: tuple[str, ...] = ()
    header: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values, with the parser's version; times in ISO 8601."""
        values = dict(zip(_FIELDS, _fields_of(self), strict=True))
        values |= {key: str(values[key]) for key in _ENUMS}
        values |= {key: list(values[key]) for key in _TUPLES}
        values |= {key: _time_text(values[key]) for key in _TIMES if values[key] is not None}
        if self.footprint is not None:
            values["footprint"] = [list(corner) for corner in self.footprint]
        values["header"] = dict(self.header)
        return {"parser_version": PARSER_VERSION} | values

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
    source = BytesSource(decompressed(content, name))
    return _summaries(list(walk(source, name)), name, site_longitude_deg)


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


def summarize_open(file: IO[bytes], name: str) -> list[Summary]:
    """Return the summaries of a file that is open for reading; see `summarize_file`."""
    with plain_of(file, name) as plain:
        return _summaries_of_usable(plain, name, None)


def _summaries_of_usable(
    file: IO[bytes], name: str, site_longitude_deg: float | None
) -> list[Summary]:
    source: Source = FileSource(file)
    hdus = list(walk(source, name))
    check_usable_hdus(source, hdus, name)
    return _summaries(hdus, name, site_longitude_deg)


def _summaries(hdus: list[HduHeader], name: str, site_longitude_deg: float | None) -> list[Summary]:
    planes = planes_in(hdus, name)
    if not planes:
        tables = tables_in(hdus)
        return [_table_summary(hdu, hdus[0], name, site_longitude_deg) for hdu in tables]
    seen = [_Seen.of(hdu, hdus[0], name, site_longitude_deg) for hdu in planes]
    return _identified(seen, name)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """An image with the values of its summary but for the id, and what that is told from."""

    values: dict[str, Any]
    version: Value

    @classmethod
    def of(
        cls, hdu: HduHeader, primary: HduHeader, name: str, configured_deg: float | None
    ) -> "_Seen":
        words = words_of(hdu, primary)
        values = _image_values(hdu, words, name, configured_deg)
        return cls(values, words.own.get("EXTVER", 1))


def _identified(all_seen: list[_Seen], name: str) -> list[Summary]:
    """Return the summaries with observation ids; planes of one EXTVER speak for each other."""
    groups: dict[Value, list[_Seen]] = {}
    counts = Counter(seen.values["role"] for seen in all_seen)
    places: Counter[Role] = Counter()
    found = []
    for seen in all_seen:
        groups.setdefault(seen.version, []).append(seen)
    for seen in all_seen:
        role = seen.values["role"]
        part = places[role] if counts[role] > 1 else None
        places[role] += 1
        named = _id_of(_speaker(seen, groups), part, name)
        found.append(Summary(**seen.values, observation_id=named))
    return found


def _speaker(seen: _Seen, groups: Mapping[Value, list[_Seen]]) -> Mapping[str, Any]:
    """Return the values that tell of what `seen` is: of the one image of its EXTVER, else its."""
    group = [other.values for other in groups[seen.version]]
    images = [values for values in group if values["role"] is Role.IMAGE]
    is_alone = len(images) == 1 and images[0]["shape"] == seen.values["shape"]
    return images[0] if is_alone else seen.values


def _id_of(said: Mapping[str, Any], part: int | None, name: str) -> str | None:
    """Return the observation id; detectors without a name are known by their place in the file."""
    return observation_id(
        Exposure(
            taken_by=said["instrument"] or said["telescope"],
            start=said["observation_time"],
            detector=said["detector"],
            filter_band=said["filter_band"],
            shape=said["shape"],
            part=part if said["detector"] is None else None,
            exposure_time_s=said["exposure_time_s"],
            named=exposure_of_name(name),
        )
    )


def _image_values(
    hdu: HduHeader, words: Words, name: str, configured_deg: float | None
) -> dict[str, Any]:
    header, remarks = _translated(words.cards, name)
    shape = plane_of(hdu) or (0, 0)
    failed = dialect.text_of(header, "WCSCAL") or ""
    place = with_calibration(placement_of(words.wcs, words.wcs_text, shape), failed)
    extname = str(words.own.get("EXTNAME", ""))
    bits = words.own.get("ZBITPIX", hdu.claims.bits)
    scale = place.pixel_scale_arcsec or written_scale_arcsec(header)
    kept, unkept = searchable(words.cards)
    return {
        "hdu_index": hdu.index,
        "role": dialect.role_of(extname, (header,), name),
        "shape": shape,
        "bitpix": int(bits),
        "ra_deg": place.ra_deg,
        "dec_deg": place.dec_deg,
        "radius_deg": place.radius_deg,
        "footprint": place.footprint,
        "pixel_scale_arcsec": scale,
        "zero_point_mag": dialect.zero_point_of(header),
        "frame_type": dialect.frame_type_of(header),
        "seeing_arcsec": dialect.seeing_of(header, scale),
        **exposure_words(header, configured_deg, (*remarks, *place.warnings, *unkept)),
        "header": kept,
    }


def _table_summary(
    hdu: HduHeader, primary: HduHeader, name: str, configured_deg: float | None
) -> Summary:
    words = words_of(hdu, primary)
    header, remarks = _translated(words.cards, name)
    kept, unkept = searchable(words.cards)
    return Summary(
        hdu_index=hdu.index,
        role=Role.TABLE,
        shape=(hdu.claims.axes[1] if len(hdu.claims.axes) > 1 else 0, _column_count(hdu)),
        bitpix=hdu.claims.bits,
        **exposure_words(header, configured_deg, (*remarks, *unkept)),
        columns=tuple(_columns(hdu)),
        header=kept,
    )


def _translated(cards: Cards, name: str) -> tuple[Cards, tuple[str, ...]]:
    translation = translation_of(cards, name)
    return translation.over(cards), translation.remarks


def _column_count(hdu: HduHeader) -> int:
    count = hdu.cards.get("TFIELDS")
    return count if isinstance(count, int) and count > 0 else 0


def _columns(hdu: HduHeader) -> Iterator[str]:
    for place in range(1, min(_column_count(hdu), _MAX_COLUMNS) + 1):
        yield str(hdu.cards.get(f"TTYPE{place}", f"col{place}"))


def _time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

"""An observation: one exposure on one detector, whichever files hold its image and their masks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from typing_extensions import override

from astrid_sdk.catalog.models.arrow_models import (
    CONTENT_HASH,
    DEC,
    DEC_NUMBER,
    FILTER_BAND,
    MIDPOINT,
    POSITIVE,
    RA,
    RA_NUMBER,
    ArrowModel,
    Struct,
)
from astrid_sdk.catalog.models.columns import Column, Corner, Many, Text, Time, Whole
from astrid_sdk.catalog.short import called, known, line, position
from astrid_sdk.errors import InvalidInputError, NotFoundError

IMAGE, WEIGHT, MASK = "image", "weight", "mask"

_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_FITS_TYPES = frozenset({8, 16, 32, 64, -32, -64})
_PIXELS = Whole(1, 2**31 - 1, advice="give pixels, 1 or more")
_BITPIX = Whole(only=_FITS_TYPES, advice="give a FITS data type: 8 16 32 64 -32 -64")


@dataclass(frozen=True, slots=True)
class ObservationFile(ArrowModel):
    """What one HDU is to an observation.

    Attributes
    ----------
    role : str
        ``image``, ``weight`` or ``mask``.
    content_hash : str
        Of the file.
    hdu_index : int
        Number of the HDU in the file.
    name : str or None
        What people call the file; it names nothing in the store.
    """

    role: Annotated[str, Column(Text(), "image, weight or mask", ucd="meta.code.class")]
    content_hash: Annotated[str, CONTENT_HASH]
    hdu_index: Annotated[int, Column(Whole(0), "number of the HDU", ucd="meta.number")] = 0
    name: Annotated[str | None, Column(Text(), "what people call the file", ucd="meta.title")] = (
        None
    )


@dataclass(frozen=True, slots=True, repr=False)
class Observation(ArrowModel):
    """One exposure on one detector, by the hashes of its files.

    Attributes
    ----------
    observation_id : str
        Shared by image, weight and mask. Two reductions of one exposure may share it too: their
        `content_hash` tells them apart.
    files : tuple of ObservationFile
        Exactly one of role ``image``, and first; then the others by role and hash.
    tier, purpose : str or None
        Where the image stands, and what it is for: ``science`` or ``reference``.
    object_name : str or None
    ra_deg, dec_deg : float or None
        Centre of the image, ICRS; None without WCS.
    footprint : tuple of (ra, dec) or None
        Outer corners of the corner pixels, ICRS degrees.
    observation_time : datetime or None
        Exposure start, UTC.
    midpoint_mjd_tai : float or None
    night, filter_band : str or None
        None where they cannot be told.
    exposure_time_s : float or None
    instrument, telescope, survey, detector : str or None
    pixel_scale_arcsec, seeing_arcsec : float or None
        Side of a pixel, and full width at half maximum of a star.
    shape : tuple of int or None
        (ny, nx), pixels.
    bitpix : int or None
        FITS data type as stored.
    warnings : tuple of str
        What is doubtful about its header, in sentences.

    Raises
    ------
    InvalidInputError
        A value cannot be one; the message names the field.
    """

    observation_id: Annotated[str, Column(Text(), "one exposure on one detector", ucd="meta.id")]
    files: Annotated[
        tuple[ObservationFile, ...],
        Column(Many(Struct(ObservationFile), least=1), "HDUs by role", ucd="meta.id;meta.file"),
    ]
    tier: Annotated[str | None, Column(Text(), "tier of the image")] = None
    purpose: Annotated[str | None, Column(Text(), "science or reference")] = None
    object_name: Annotated[str | None, Column(Text(), "what was looked at", ucd="meta.id;src")] = (
        None
    )
    ra_deg: Annotated[float | None, RA] = None
    dec_deg: Annotated[float | None, DEC] = None
    footprint: Annotated[
        tuple[tuple[float, float], ...] | None,
        Column(
            Many(Corner(RA_NUMBER, DEC_NUMBER), least=3),
            "corners, ra and dec",
            "deg",
            "pos.outline",
        ),
    ] = None
    observation_time: Annotated[
        datetime | None, Column(Time(), "exposure start, UTC", ucd="time.start;obs.exposure")
    ] = None
    midpoint_mjd_tai: Annotated[float | None, MIDPOINT] = None
    night: Annotated[str | None, Column(Text(), "local date at the noon before")] = None
    filter_band: Annotated[str | None, FILTER_BAND] = None
    exposure_time_s: Annotated[
        float | None, Column(POSITIVE, "exposure time", "s", "time.duration;obs.exposure")
    ] = None
    instrument: Annotated[str | None, Column(Text(), "camera", ucd="meta.id;instr")] = None
    telescope: Annotated[str | None, Column(Text(), "telescope", ucd="meta.id;instr.tel")] = None
    survey: Annotated[str | None, Column(Text(), "survey or mission", ucd="meta.curation")] = None
    detector: Annotated[str | None, Column(Text(), "chip", ucd="meta.id;instr.det")] = None
    pixel_scale_arcsec: Annotated[
        float | None, Column(POSITIVE, "side of a pixel", "arcsec", "instr.scale;instr.pixel")
    ] = None
    seeing_arcsec: Annotated[
        float | None, Column(POSITIVE, "FWHM of a star", "arcsec", "instr.obsty.seeing")
    ] = None
    shape: Annotated[
        tuple[int, int] | None, Column(Many(_PIXELS, 2), "ny, nx", "pix", "meta.number;instr.pixel")
    ] = None
    bitpix: Annotated[int | None, Column(_BITPIX, "FITS data type")] = None
    warnings: Annotated[
        tuple[str, ...], Column(Many(Text()), "doubts about the header", ucd="meta.note")
    ] = ()

    @override
    def __repr__(self) -> str:
        name, place = called(self.name, self.content_hash), position(self.ra_deg, self.dec_deg)
        light = known(self.object_name, self.instrument, self.filter_band, self.night)
        return line(known("observation", name, light, place))

    @override
    def _check(self) -> None:
        images = sum(file.role == IMAGE for file in self.files)
        if images != 1:
            raise InvalidInputError(
                f"Observation.files of {self.observation_id} cannot hold {images} images: give one "
                "file of role 'image', and each other image its own observation",
                kind="model",
            )
        require_whole_position(self, self.ra_deg, self.dec_deg)
        object.__setattr__(self, "files", tuple(sorted(self.files, key=_image_first)))

    @property
    def content_hash(self) -> str:
        """Hash of the file that holds the image."""
        return self.files[0].content_hash

    @property
    def hdu_index(self) -> int:
        """Number of the image's HDU in that file."""
        return self.files[0].hdu_index

    @property
    def name(self) -> str:
        """What people call the image, or the short form of its hash."""
        return self.files[0].name or self.content_hash[:8]

    @property
    def mjd(self) -> float | None:
        """Exposure start, MJD UTC."""
        return None if self.observation_time is None else mjd_of(self.observation_time)

    def file(self, role: str) -> ObservationFile:
        """Return the first file of `role`.

        Raises
        ------
        NotFoundError
            There is none.
        """
        for file in self.files:
            if file.role == role:
                return file
        had = ", ".join(sorted({file.role for file in self.files}))
        raise NotFoundError(f"observation {self.observation_id} has no {role}: it has {had}")


def mjd_of(moment: datetime) -> float:
    """Return a moment as MJD UTC, days."""
    return (moment - _MJD_ZERO) / timedelta(days=1)


def moment_of(mjd: float) -> datetime:
    """Return the moment, UTC, of an MJD UTC.

    Raises
    ------
    OverflowError
        It is outside the years 1 to 9999.
    """
    return _MJD_ZERO + timedelta(days=mjd)


def require_whole_position(model: object, ra_deg: float | None, dec_deg: float | None) -> None:
    """Refuse half a position.

    Raises
    ------
    InvalidInputError
        One of the two is None (kind ``model``).
    """
    if (ra_deg is None) != (dec_deg is None):
        raise InvalidInputError(
            f"{type(model).__name__} cannot be at ra_deg={ra_deg}, dec_deg={dec_deg}: give both, "
            "or None for both where there is no WCS",
            kind="model",
        )


def _image_first(file: ObservationFile) -> tuple[bool, str, str, int]:
    return (file.role != IMAGE, file.role, file.content_hash, file.hdu_index)

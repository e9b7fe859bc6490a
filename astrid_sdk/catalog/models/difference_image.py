"""A difference image: science minus reference, and which two they were."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from typing_extensions import override

from astrid_sdk.catalog.models.arrow_models import (
    CONTENT_HASH,
    DEC,
    FILTER_BAND,
    MIDPOINT,
    RA,
    ArrowModel,
)
from astrid_sdk.catalog.models.columns import Column, Hash, Named, Text, Time
from astrid_sdk.catalog.models.observation import require_whole_position
from astrid_sdk.catalog.short import called, known, line

_SCIENCE = Column(Hash(), "SHA-256 of the science frame", ucd="meta.id.assoc")
_REFERENCE = Column(Hash(), "SHA-256 of the reference", ucd="meta.id.assoc")


@dataclass(frozen=True, slots=True, repr=False)
class DifferenceImage(ArrowModel):
    """Science minus reference, by content hashes.

    Attributes
    ----------
    content_hash : str
        Of the difference image.
    science_hash, reference_hash : str
        Of the two frames that were subtracted.
    derivation_key : str
        Of the derivation that made it: step, code, parameters and inputs.
    science_observation_id, reference_observation_id : str or None
        None where the frame is no single exposure, as a co-added template.
    name, filter_band, night : str or None
    ra_deg, dec_deg : float or None
        Centre, ICRS.
    observation_time : datetime or None
        Start of the science exposure, UTC.
    midpoint_mjd_tai : float or None
        Of the science exposure.
    statistics : tuple of (str, float)
        Numbers about it by name, such as ``megapixels``; a mapping will do.

    Raises
    ------
    InvalidInputError
        A value cannot be one; the message names the field.
    """

    content_hash: Annotated[str, CONTENT_HASH]
    science_hash: Annotated[str, _SCIENCE]
    reference_hash: Annotated[str, _REFERENCE]
    derivation_key: Annotated[str, Column(Hash(), "what made it", ucd="meta.id;meta.calibLevel")]
    science_observation_id: Annotated[str | None, Column(Text(), "exposure searched")] = None
    reference_observation_id: Annotated[str | None, Column(Text(), "exposure compared to")] = None
    name: Annotated[str | None, Column(Text(), "what people call it", ucd="meta.title")] = None
    filter_band: Annotated[str | None, FILTER_BAND] = None
    night: Annotated[str | None, Column(Text(), "local date at the noon before")] = None
    ra_deg: Annotated[float | None, RA] = None
    dec_deg: Annotated[float | None, DEC] = None
    observation_time: Annotated[
        datetime | None, Column(Time(), "science exposure start, UTC", ucd="time.start")
    ] = None
    midpoint_mjd_tai: Annotated[float | None, MIDPOINT] = None
    statistics: Annotated[
        tuple[tuple[str, float], ...], Column(Named(), "numbers by name", ucd="stat")
    ] = ()

    @override
    def __repr__(self) -> str:
        name = called(self.name or "difference", self.content_hash)
        frames = f"{self.science_hash[:8]} - {self.reference_hash[:8]}"
        return line(known("difference", name, self.filter_band, self.night, f"of {frames}"))

    @override
    def _check(self) -> None:
        require_whole_position(self, self.ra_deg, self.dec_deg)

    def statistic(self, name: str) -> float | None:
        """Return the number called `name`, or None."""
        return dict(self.statistics).get(name)

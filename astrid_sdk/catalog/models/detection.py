"""A detection: one source of one difference image."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import override

from astrid_sdk.canonical import json_hash
from astrid_sdk.catalog.models.arrow_models import (
    DEC,
    FILTER_BAND,
    MIDPOINT,
    POSITIVE,
    RA,
    ArrowModel,
)
from astrid_sdk.catalog.models.columns import Column, Flag, Hash, Number, Text, Whole
from astrid_sdk.catalog.models.observation import require_whole_position
from astrid_sdk.catalog.short import line, position

_PLACE = "pos.cartesian.{};instr.pixel"
_ID_DIGITS = 32
_ID_DECIMALS = 3  # of a pixel; two peaks are never closer
_SHARE = Number(0.0, 1.0, "give a number from 0 to 1")


@dataclass(frozen=True, slots=True, repr=False)
class Detection(ArrowModel):
    """One source of one difference image.

    Attributes
    ----------
    detection_id : str
        As `detection_id_of`: the same source of the same difference has the same.
    difference_hash : str
        Content hash of the difference image.
    x, y : float
        0-based pixel centres in the science image.
    snr : float
        PSF flux over its error; negative for a fading.
    is_negative, is_dipole : bool
        Whether it faded; whether a twin of the other sign is at its side.
    flags : int
        Bits of `astrid_sdk.pipeline.detections.DetectionFlag`; 0 is clean.
    ra_deg, dec_deg : float or None
        ICRS; None without WCS.
    score : float or None
        S_corr at the peak, signed.
    psf_flux_adu, psf_flux_err_adu : float or None
    psf_flux_njy, magnitude : float or None
        None without an AB zero point.
    fwhm_px : float or None
        Twice the half-light radius.
    midpoint_mjd_tai : float or None
        Of the science exposure.
    filter_band : str or None
    confidence_score : float or None
        0 bogus to 1 real, as a model says.
    human_label : str or None
        What a person called it, such as ``real`` or ``bogus``.

    Raises
    ------
    InvalidInputError
        A value cannot be one; the message names the field.
    """

    detection_id: Annotated[str, Column(Text(), "name of the detection", ucd="meta.id;meta.main")]
    difference_hash: Annotated[
        str, Column(Hash(), "SHA-256 of the difference image", ucd="meta.id.parent")
    ]
    x: Annotated[float, Column(Number(), "0-based pixel centre", "pix", _PLACE.format("x"))]
    y: Annotated[float, Column(Number(), "0-based pixel centre", "pix", _PLACE.format("y"))]
    snr: Annotated[float, Column(Number(), "PSF flux over its error, signed", None, "stat.snr")]
    is_negative: Annotated[bool, Column(Flag(), "it faded", ucd="meta.code")]
    is_dipole: Annotated[
        bool, Column(Flag(), "a twin of the other sign is at its side", ucd="meta.code")
    ] = False
    flags: Annotated[int, Column(Whole(0), "0 is clean", ucd="meta.code.qual")] = 0
    ra_deg: Annotated[float | None, RA] = None
    dec_deg: Annotated[float | None, DEC] = None
    score: Annotated[
        float | None, Column(Number(), "S_corr at the peak, signed", None, "stat.snr;stat.max")
    ] = None
    psf_flux_adu: Annotated[
        float | None, Column(Number(), "PSF flux, signed", "adu", "phot.count")
    ] = None
    psf_flux_err_adu: Annotated[
        float | None, Column(POSITIVE, "error of the PSF flux", "adu", "stat.error;phot.count")
    ] = None
    psf_flux_njy: Annotated[
        float | None, Column(Number(), "PSF flux", "nJy", "phot.flux.density")
    ] = None
    magnitude: Annotated[float | None, Column(Number(), "AB magnitude", "mag", "phot.mag")] = None
    fwhm_px: Annotated[
        float | None,
        Column(POSITIVE, "twice the half-light radius", "pix", "phys.angSize;instr.pixel"),
    ] = None
    midpoint_mjd_tai: Annotated[float | None, MIDPOINT] = None
    filter_band: Annotated[str | None, FILTER_BAND] = None
    confidence_score: Annotated[
        float | None, Column(_SHARE, "0 bogus to 1 real", ucd="stat.probability")
    ] = None
    human_label: Annotated[
        str | None, Column(Text(), "what a person called it", ucd="meta.code.class")
    ] = None

    @override
    def __repr__(self) -> str:
        place = position(self.ra_deg, self.dec_deg) or f"at x={self.x:.2f}, y={self.y:.2f}"
        source = f"source of {self.difference_hash[:8]}"
        return line(f"detection {self.detection_id[:8]} {place}, snr {self.snr:.1f}, {source}")

    @override
    def _check(self) -> None:
        require_whole_position(self, self.ra_deg, self.dec_deg)


def detection_id_of(difference_hash: str, x: float, y: float) -> str:
    """Return the name of the source at (x, y) of a difference image: 32 hex digits."""
    rounded = [round(float(value), _ID_DECIMALS) + 0.0 for value in (x, y)]  # -0.0 is 0.0
    return json_hash([difference_hash, *rounded])[:_ID_DIGITS]

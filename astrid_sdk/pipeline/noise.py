"""Gain, read noise and variance: from the header when plausible, else from the image."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from astrid_sdk.pipeline.background import Background

# e-/ADU; EGAIN comes first because amateur cameras keep a dial setting in GAIN.
_GAIN_WORDS = ("EGAIN", "GAINEFF", "GAIN", "CCDGAIN", "ATODGAIN", "GAIN1", "GAINA", "ARAWGAIN")
_READ_NOISE_WORDS = ("RDNOISE", "READNOIS", "READNOISE", "RDNOIS", "RON", "ENOISE", "RDNOISEA")
_ZERO_POINT_WORDS = ("ZEROPT", "MAGZERO", "MAGZPT", "MAGZP", "PHOTZP", "ZEROPNT", "ZP")
_LEAST_GAIN, _MOST_GAIN = 0.02, 500.0
_FULL_WELL_E = 60_000.0  # electrons of a typical CCD pixel: bounds a gain guessed from the sky


@dataclass(frozen=True, slots=True)
class DetectorNoise:
    """How counts become noise.

    Attributes
    ----------
    gain : float
        Electrons per ADU.
    gain_source : str
        ``header``, ``sky`` (level over variance) or ``full_well`` (the bound above).
    read_noise_e : float
        Electrons; NaN where the header gives none.
    """

    gain: float
    gain_source: str
    read_noise_e: float


def detector_noise(
    header: fits.Header, background: Background, saturation_adu: float
) -> DetectorNoise:
    """Return the gain and read noise of an image.

    A header gain is taken when it is in range and the sky is not far noisier than it allows.
    Otherwise the sky's level over its variance is the gain of a sky-limited image without bias,
    and an upper limit with one; a full well spread over the saturation level bounds it again.
    """
    read_noise = number_in(header, _READ_NOISE_WORDS, 0.0, 1000.0)
    gain = number_in(header, _GAIN_WORDS, _LEAST_GAIN, _MOST_GAIN)
    if np.isfinite(gain) and _explains_sky(gain, read_noise, background):
        return DetectorNoise(gain, "header", read_noise)
    sky_gain = background.median_level / background.median_rms**2
    bound = _FULL_WELL_E / saturation_adu if np.isfinite(saturation_adu) else 5.0
    bound = float(np.clip(bound, 0.2, 20.0))
    if _sky_subtracted(background) or sky_gain > bound:
        return DetectorNoise(bound, "full_well", read_noise)
    return DetectorNoise(max(float(sky_gain), _LEAST_GAIN), "sky", read_noise)


def number_in(header: fits.Header, words: tuple[str, ...], least: float, most: float) -> float:
    """Return the first number above `least` and up to `most` among cards `words`, else NaN."""
    for word in words:
        value = header.get(word)
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if least < number <= most:
            return number
    return float("nan")


def zero_point_mag(header: fits.Header) -> float:
    """Return the magnitude of 1 ADU in this image that its header gives, else NaN."""
    return number_in(header, _ZERO_POINT_WORDS, 5.0, 45.0)


def variance_of(
    sky_subtracted: NDArray[np.float32], background: Background, gain: float
) -> NDArray[np.float32]:
    """Return the variance, ADU squared: measured sky noise plus the sources' photon noise."""
    return np.asarray(
        background.rms**2 + np.maximum(sky_subtracted, 0) / np.float32(gain), dtype=np.float32
    )


def _sky_subtracted(background: Background) -> bool:
    return background.median_level < 5 * background.median_rms


def _explains_sky(gain: float, read_noise_e: float, background: Background) -> bool:
    if _sky_subtracted(background):
        return True
    read_e = read_noise_e if np.isfinite(read_noise_e) else 20.0
    allowed = background.median_level / gain + (read_e / gain) ** 2
    return bool(background.median_rms**2 < 9 * allowed)

"""What the image, weight and mask of one exposure on one detector share: their observation's id."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from astrid_sdk.canonical import JsonValue, json_hash

_HASH_DIGITS = 12
_WORD_LENGTH = 24
_SECONDS = 19  # letters of a time in ISO 8601 down to these
_UNDIVIDED = str.maketrans("", "", "-:")


@dataclass(frozen=True, slots=True)
class Exposure:
    """What tells one exposure on one detector from others.

    Attributes
    ----------
    taken_by : str or None
        The instrument, else the telescope.
    start : datetime or None
        UTC.
    detector : str or None
    filter_band : str
        Counts where no detector is named: some cameras take several bands at one moment.
    shape : tuple of int
        (ny, nx).
    part : int or None
        Which of the detectors without a name, in a file of several.
    exposure_time_s : float or None
        Shorter than a second, it makes a start in whole seconds no name of one exposure.
    named : str or None
        What the archive's file name says of the exposure; it comes before `start`.
    """

    taken_by: str | None
    start: datetime | None
    detector: str | None
    filter_band: str
    shape: tuple[int, int]
    part: int | None = None
    exposure_time_s: float | None = None
    named: str | None = None

    @property
    def is_told(self) -> bool:
        """Whether this can be no other exposure."""
        if self.named is not None:
            return True
        if self.start is None or self.taken_by is None:
            return False
        is_short = self.exposure_time_s is not None and self.exposure_time_s < 1
        return not (is_short and self.start.microsecond == 0)


def observation_id(exposure: Exposure) -> str | None:
    """Return an id such as ``decam.20180518T044138.43.0123456789ab``, or None.

    Different exposures never share one. The same exposure reduced twice (``v1``, ``v2``) may, and a
    cut-out of it may: they are the same observation. None where the header tells neither when nor
    by what the image was taken, or not well enough.
    """
    if not exposure.is_told:
        return None
    start = exposure.start.isoformat(timespec="milliseconds") if exposure.start else None
    when = exposure.named or start
    identity: list[JsonValue] = [
        None if exposure.named else (exposure.taken_by or "").lower(),
        when,
        exposure.detector,
        None if exposure.detector else exposure.filter_band,
        exposure.shape,
        exposure.part,
    ]
    day = start[:_SECONDS].translate(_UNDIVIDED).lstrip("0") if start else ""
    who = None if exposure.named else exposure.taken_by
    words = [who, exposure.named or day, exposure.detector]
    readable = [_slug(word) for word in words if word]
    return ".".join([*readable, json_hash(identity)[:_HASH_DIGITS]])


@lru_cache(maxsize=1024)
def _slug(word: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", word).strip("-").lower()[:_WORD_LENGTH] or "x"

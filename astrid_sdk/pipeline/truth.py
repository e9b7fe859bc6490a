"""True sources: the table of what was injected, and the score of a night against it.

The table is a CSV file with the columns ``science_file,x,y,ra_deg,dec_deg,snr,kind``; x and y are
0-based pixel centres in that science file.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from astrid_sdk.errors import InvalidInputError

COLUMNS = ("science_file", "x", "y", "ra_deg", "dec_deg", "snr", "kind")
FOUND_RADIUS_PX = 2.5
FALSE_RADIUS_PX = 4.0
BRIGHT_SNR = 10.0


@dataclass(frozen=True, slots=True)
class TrueSource:
    """A source that is really there.

    Attributes
    ----------
    science_file : str
        Name of the science file, without folders.
    x, y : float
        0-based pixel position in that file.
    ra_deg, dec_deg : float, optional
        ICRS degrees; None where the file has no WCS.
    snr : float, optional
        Matched-filter SNR in the difference; None where unknown.
    kind : str
        What it is, such as ``host``, ``field``, ``variable`` or ``asteroid``.
    """

    science_file: str
    x: float
    y: float
    ra_deg: float | None
    dec_deg: float | None
    snr: float | None
    kind: str

    @property
    def is_bright(self) -> bool:
        """Whether the SNR is known and at least 10."""
        return self.snr is not None and self.snr >= BRIGHT_SNR


@dataclass(frozen=True, slots=True)
class DetectedPosition:
    """What scoring needs of a detection.

    Attributes
    ----------
    science_file : str
        Name of the science file, without folders.
    x, y : float
        0-based pixel position in that file.
    snr : float
        SNR of the detection.
    is_negative : bool
        Whether the source faded.
    flags : int
        0 where nothing speaks against the detection.
    """

    science_file: str
    x: float
    y: float
    snr: float
    is_negative: bool
    flags: int


@dataclass(frozen=True, slots=True)
class Match:
    """A true source and the one detection that found it."""

    truth: TrueSource
    detection: DetectedPosition
    distance_px: float


@dataclass(frozen=True, slots=True)
class NightScore:
    """How well a night's true sources were found.

    Attributes
    ----------
    night : str
        The night, YYYY-MM-DD.
    megapixels : float
        Unmasked pixels of the night's frames, in millions.
    injected, found : int
        True sources on unmasked pixels, and those of them with a detection.
    injected_snr10, found_snr10 : int
        The same for sources with a known SNR of at least 10.
    false_positives : int
        Unflagged positive detections far from every true source.
    negatives : int
        Negative detections, flagged or not: no part of the other counts.
    masked, missed : tuple of TrueSource
        Sources under a mask or outside the frame, and injected sources without a detection.
    matches : tuple of Match
        The found sources, in the order of the truth.
    false_detections : tuple of DetectedPosition
        The detections that `false_positives` counts.
    """

    night: str
    megapixels: float
    injected: int
    found: int
    injected_snr10: int
    found_snr10: int
    false_positives: int
    negatives: int
    masked: tuple[TrueSource, ...]
    missed: tuple[TrueSource, ...]
    matches: tuple[Match, ...]
    false_detections: tuple[DetectedPosition, ...]


def read_truth(path: Path) -> list[TrueSource]:
    """Return the true sources listed in the CSV file `path`, in its order.

    Raises
    ------
    InvalidInputError
        The file is no text, a column is missing, or a value is empty or no finite number where
        one is needed; the message names the line and the column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path.name} is not UTF-8 text: a truth table is a CSV file", kind="truth_table"
        ) from error
    rows = csv.DictReader(io.StringIO(text, newline=""), restval="")
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise InvalidInputError(
            f"{path.name} line 1 lacks the columns {', '.join(missing)}: add them to its heading",
            kind="truth_table",
        )
    return [_true_source(_Row(path.name, rows.line_num, row)) for row in rows]


def truth_to_csv(truth: Sequence[TrueSource]) -> str:
    """Return the table that `read_truth` reads: pixels to 1e-4, degrees to 1e-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (
            source.science_file,
            f"{source.x:.4f}",
            f"{source.y:.4f}",
            _decimal(source.ra_deg, 8),
            _decimal(source.dec_deg, 8),
            _decimal(source.snr, 3),
            source.kind,
        )
        for source in truth
    )
    return buffer.getvalue()


def score_night(
    truth: Sequence[TrueSource],
    detections: Sequence[DetectedPosition],
    good: Mapping[str, NDArray[np.bool_]],
    *,
    night: str,
) -> NightScore:
    """Score the `detections` of one night against the `truth`.

    A source is *found* when a positive detection, flagged or not, lies within 2.5 px (inclusive)
    and is its own: pairs are taken nearest first, each source and each detection once. An
    unflagged positive detection that found nothing is *false* unless it lies within 4 px
    (inclusive) of any true source, masked ones included.

    Parameters
    ----------
    truth : sequence of TrueSource
        True sources; those of files that are not in `good` belong to other nights.
    detections : sequence of DetectedPosition
        Detections of the night.
    good : mapping of str to ndarray of bool, shape (ny, nx)
        The night's science files, each with the plane that is True where a pixel is unmasked.
    night : str
        The night, YYYY-MM-DD.

    Raises
    ------
    InvalidInputError
        A detection lies in a file that is not in `good`.
    """
    _refuse_other_files(detections, good)
    here = [source for source in truth if source.science_file in good]
    clear = [source for source in here if _is_clear(source, good[source.science_file])]
    positive = [detection for detection in detections if not detection.is_negative]
    pairs = _assign(clear, positive)
    matched = {detection for _, detection, _ in pairs}
    others = [d for i, d in enumerate(positive) if i not in matched and d.flags == 0]
    false = tuple(d for d in others if not _is_near_any(d, here))
    found = {source for source, _, _ in pairs}
    matches = tuple(Match(clear[i], positive[j], distance) for i, j, distance in pairs)
    return NightScore(
        night=night,
        megapixels=sum(int(np.count_nonzero(plane)) for plane in good.values()) / 1e6,
        injected=len(clear),
        found=len(matches),
        injected_snr10=sum(source.is_bright for source in clear),
        found_snr10=sum(match.truth.is_bright for match in matches),
        false_positives=len(false),
        negatives=len(detections) - len(positive),
        masked=tuple(source for source in here if not _is_clear(source, good[source.science_file])),
        missed=tuple(source for i, source in enumerate(clear) if i not in found),
        matches=matches,
        false_detections=false,
    )


def _assign(
    truth: Sequence[TrueSource], detections: Sequence[DetectedPosition]
) -> list[tuple[int, int, float]]:
    """Return (source, detection, distance in px), one to one, nearest pairs first served."""
    near = [
        (distance, i, j)
        for i, source in enumerate(truth)
        for j, detection in enumerate(detections)
        if (distance := _distance_px(source, detection)) <= FOUND_RADIUS_PX
    ]
    taken: list[tuple[int, int, float]] = []
    for distance, i, j in sorted(near):
        if all(i != source and j != detection for source, detection, _ in taken):
            taken.append((i, j, distance))
    return sorted(taken)


def _distance_px(source: TrueSource, detection: DetectedPosition) -> float:
    if source.science_file != detection.science_file:
        return math.inf
    return math.hypot(source.x - detection.x, source.y - detection.y)


def _is_near_any(detection: DetectedPosition, truth: Sequence[TrueSource]) -> bool:
    return any(_distance_px(source, detection) <= FALSE_RADIUS_PX for source in truth)


def _is_clear(source: TrueSource, good: NDArray[np.bool_]) -> bool:
    """Whether the nearest pixel lies in the frame and is not masked."""
    row, column = math.floor(source.y + 0.5), math.floor(source.x + 0.5)
    inside = 0 <= row < good.shape[0] and 0 <= column < good.shape[1]
    return inside and bool(good[row, column])


def _refuse_other_files(
    detections: Sequence[DetectedPosition], good: Mapping[str, NDArray[np.bool_]]
) -> None:
    strange = sorted({d.science_file for d in detections} - good.keys())
    if strange:
        raise InvalidInputError(
            f"detections lie in {', '.join(strange)}, whose good pixels were not given: "
            "pass the plane of every science file of the night",
            kind="unknown_science_file",
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the table, and what its errors name."""

    file_name: str
    line: int
    values: Mapping[str, str]

    def word(self, column: str) -> str:
        if not (word := self.values[column].strip()):
            raise self._refusal(column, "is empty: fill it in")
        return word

    def number(self, column: str) -> float:
        word = self.word(column)
        try:
            number = float(word)
        except ValueError:
            raise self._refusal(column, f"is {word!r}: write a number") from None
        if not math.isfinite(number):
            raise self._refusal(column, f"is {word!r}: write a finite number")
        return number

    def optional_number(self, column: str) -> float | None:
        return self.number(column) if self.values[column].strip() else None

    def _refusal(self, column: str, what: str) -> InvalidInputError:
        where = f"{self.file_name} line {self.line}, column {column}"
        return InvalidInputError(f"{where} {what}", kind="truth_table")


def _true_source(row: _Row) -> TrueSource:
    return TrueSource(
        science_file=row.word("science_file"),
        x=row.number("x"),
        y=row.number("y"),
        ra_deg=row.optional_number("ra_deg"),
        dec_deg=row.optional_number("dec_deg"),
        snr=row.optional_number("snr"),
        kind=row.word("kind"),
    )


def _decimal(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"

"""The table of detections of many frames, with what they were found in and cut out to."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from typing_extensions import override

from astrid_sdk.catalog.models.detection import Detection
from astrid_sdk.catalog.search.finding import Found
from astrid_sdk.catalog.steps.derivations import Derivation, Derivations
from astrid_sdk.pipeline.detection_files import SUFFIX, read_table
from astrid_sdk.pipeline.detection_models import detections_of
from astrid_sdk.pipeline.detections import DETECTION_COLUMNS, best_first
from astrid_sdk.sky.dialect import UNKNOWN
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

_LEADING = ("night", "science_file")
_CLOSING = (
    "detections_hash",
    "difference_hash",
    "science_hash",
    "triplet_hash",
    "filter_band",
    "midpoint_mjd_tai",
)
_SHOWN = (*_LEADING, "x", "y", "ra_deg", "dec_deg", "snr", "flags")
_SHOWN_ROWS = 20
_TRIPLET = "triplet"  # how the roles of the triplets begin


@dataclass(frozen=True, slots=True, eq=False)
class DetectionTable:
    """Detections of many science frames.

    Attributes
    ----------
    frame : pandas.DataFrame
        A row per detection: ``night``, ``science_file``, then the columns of the detections file
        (pixels 0-based, ICRS degrees), then ``detections_hash``; ``difference_hash`` and
        ``science_hash`` of what was searched, ``triplet_hash`` where it was cut out;
        ``filter_band`` and ``midpoint_mjd_tai`` of the exposure.
    """

    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def only(self, frames: AbstractSet[tuple[str, str]]) -> "DetectionTable":
        """Return the detections in `frames`, pairs of night and science file."""
        pairs = zip(self.frame["night"], self.frame["science_file"], strict=True)
        return DetectionTable(self.frame[np.array([pair in frames for pair in pairs], bool)])

    def models(self) -> list[Detection]:
        """Return the rows as domain models; see `detections_of`."""
        return detections_of(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a data frame."""
        return self.frame

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows as CSV and return the path."""
        target = Path(path)
        self.frame.to_csv(target, index=False)
        return target

    def to_ds9(self, path: str | Path) -> Path:
        """Write DS9 regions and return the path.

        Circles in ICRS where the image has a WCS, else in image pixels (1-based, as DS9 counts);
        unflagged detections are green, flagged ones yellow, negative ones blue.
        """
        target = Path(path)
        lines = ["# Region file format: DS9 version 4.1"]
        lines += [_region(row) for row in self.frame.to_dict("records")]
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return target

    @override
    def __repr__(self) -> str:
        return f"<{len(self)} detections>\n{self._shown().to_string()}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        page = f"<p><b>{len(self)}</b> detections</p>{self._shown().to_html(na_rep='')}"
        return {"text/plain": repr(self), "text/html": page}

    def _shown(self) -> pd.DataFrame:
        return self.frame[list(_SHOWN)].head(_SHOWN_ROWS)


def read_detections(
    cas: ContentAddressedStorage, derivations: Derivations, rows: Sequence[Found]
) -> DetectionTable:
    """Return the detections in the stored files that `rows` names."""
    made = derivations.find_many([row.derivation_key for row in rows if row.derivation_key])
    frames = [
        _frame(
            cas.retrieve_data(row.content_hash, tier=row.tier), row, made.get(row.derivation_key)
        )
        for row in rows
    ]
    if not frames:
        names = [column.name for column in DETECTION_COLUMNS]
        return DetectionTable(pd.DataFrame(columns=[*_LEADING, *names, *_CLOSING]))
    return DetectionTable(pd.concat(frames, ignore_index=True))


def _frame(content: bytes, row: Found, made: Derivation | None) -> pd.DataFrame:
    frame: pd.DataFrame = read_table(content).to_pandas()
    frame.insert(0, "science_file", row.name.removesuffix(SUFFIX))
    frame.insert(0, "night", row.night)
    inputs = made.inputs if made else {}
    midpoint = row.summary.get("midpoint_mjd_tai")
    closing = (
        row.content_hash,
        _only(inputs, "difference"),
        _only(inputs, "science"),
        _triplets(frame, made),
        None if row.filter_band == UNKNOWN else row.filter_band,
        np.nan if midpoint is None else midpoint,
    )
    return frame.assign(**dict(zip(_CLOSING, closing, strict=True)))


def _only(inputs: Mapping[str, Sequence[str]], role: str) -> str | None:
    """Return the one content that was used as `role`, or None."""
    hashes = inputs.get(role, ())
    return hashes[0] if len(hashes) == 1 else None


def _triplets(frame: pd.DataFrame, made: Derivation | None) -> NDArray[np.object_]:
    """Return the triplet of each row, None where none was cut out."""
    outputs = made.outputs if made else ()
    hashes = [output.content_hash for output in outputs if output.role.startswith(_TRIPLET)]
    order = best_first(*(frame[name].to_numpy() for name in ("flags", "is_negative", "snr")))
    triplets = np.full(len(frame), None, object)
    triplets[order[: len(hashes)]] = hashes
    return triplets


def _region(row: dict[Any, Any]) -> str:
    positive = "yellow" if row["flags"] else "green"
    colour = "blue" if row["is_negative"] else positive
    label = f"# color={colour} text={{{row['snr']:.1f}}}"
    if np.isfinite(row["ra_deg"]):
        return f'icrs;circle({row["ra_deg"]:.6f},{row["dec_deg"]:.6f},3") {label}'
    return f"image;circle({row['x'] + 1:.2f},{row['y'] + 1:.2f},6) {label}"

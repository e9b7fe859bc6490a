"""Detections of a table as domain models."""

from dataclasses import fields
from typing import TYPE_CHECKING

import pyarrow as pa

from astrid_sdk.catalog.models.detection import Detection, detection_id_of
from astrid_sdk.errors import InvalidInputError

if TYPE_CHECKING:  # the table is what makes its models with this
    from astrid_sdk.pipeline.detection_table import DetectionTable

_NAMED_BY = ("difference_hash", "x", "y")


def detections_of(table: "DetectionTable") -> list[Detection]:
    """Return the rows of `table` as models, in their order; NaN is None.

    Columns that the model has and the detections file lacks, such as ``human_label``, count where
    somebody added them.

    Raises
    ------
    InvalidInputError
        The table does not say what was searched, or a value cannot be one.
    """
    frame = table.frame
    for name in _NAMED_BY:
        if name not in frame.columns:
            raise InvalidInputError(
                f"detections without {name} have no name: take the table that "
                "session.detections() returns",
                kind="model",
            )
    known = [field.name for field in fields(Detection) if field.name in frame.columns]
    places = zip(*(frame[name].tolist() for name in _NAMED_BY), strict=True)
    told = frame[known].assign(detection_id=[detection_id_of(*place) for place in places])
    return Detection.from_arrow(pa.Table.from_pandas(told, preserve_index=False))

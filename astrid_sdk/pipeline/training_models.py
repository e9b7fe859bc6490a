"""Labelled triplets as training samples, with the raw frames they go back to."""

from collections.abc import Callable, Mapping
from functools import cache

from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.models.detection import Detection
from astrid_sdk.catalog.models.training_sample import TrainingSample
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.pipeline.detection_models import detections_of
from astrid_sdk.pipeline.detection_table import DetectionTable

_RAW = "raw"


def training_samples(
    table: DetectionTable,
    labels: Mapping[str, str],
    label_source: str,
    why: Callable[[str], LineageGraph],
) -> list[TrainingSample]:
    """Return the triplets of the labelled detections, in the order of `table`.

    Sources are the raw frames behind the science image. Frames behind the template and the
    fixed pattern are no sources: all samples of a field share these, and its place on the sky
    keeps them together.

    Parameters
    ----------
    table : DetectionTable
        As `session.detections()` returns it.
    labels : mapping of str to str
        By `Detection.detection_id`.
    label_source : str
        Who or what said so.
    why : callable
        Returns the lineage of a content: `session.why`.

    Raises
    ------
    InvalidInputError
        A label is of no detection in `table`, or of one that was not cut out.
    """
    cut = (table.frame[name].tolist() for name in ("triplet_hash", "science_hash"))
    rows = [row for row in zip(detections_of(table), *cut, strict=True) if _id(row[0]) in labels]
    _require_all(labels, {_id(found): triplet for found, triplet, _ in rows})

    @cache
    def sources(science: str) -> frozenset[str]:
        return _raw_behind(why(science), science)

    return [
        TrainingSample(
            content_hash=triplet,
            label=labels[_id(found)],
            label_source=label_source,
            detection_id=_id(found),
            source_hashes=tuple(sources(science)),
            ra_deg=found.ra_deg,
            dec_deg=found.dec_deg,
        )
        for found, triplet, science in rows
    ]


def _id(found: Detection) -> str:
    return found.detection_id


def _require_all(labels: Mapping[str, str], triplets: Mapping[str, str | None]) -> None:
    for labelled in labels:
        if labelled not in triplets:
            raise InvalidInputError(
                f"the label of {labelled} is of no detection in the table: use detection_id of its "
                "models()"
            )
        if not triplets[labelled]:
            raise InvalidInputError(
                f"detection {labelled} was not cut out, only the best of a frame are: leave its "
                "label out"
            )


def _raw_behind(graph: LineageGraph, content_hash: str) -> frozenset[str]:
    """Return the contents from outside that a frame was made of, as ``raw`` where a step says."""
    edges = list(graph.onward(content_hash))
    if not edges:
        return frozenset([content_hash])
    used = [edge for edge in edges if edge.role == _RAW] or edges
    return frozenset().union(*(_raw_behind(graph, edge.source) for edge in used))

"""The frames of one demo among all that a store holds: under their names now, and what was lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from astrid_sdk.catalog.ingest.report import IngestedFile, IngestReport
from astrid_sdk.cli.dagster_runs import ChainRun
from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.dialect import Role

_CHAIN = ("raw_observations", "processed_observations", "reference_images", "detections")
_NAMES_TOLD = 2

LeftOut = tuple[str, str]
"""A file's name and why it was left out."""


@dataclass(frozen=True, slots=True)
class DemoFrames:
    """What was put in, and what the chain made of it.

    Attributes
    ----------
    references, science : IngestReport
    found : mapping of str to Manifest
        Night to the detections in the science frames; nights without any are absent.
    table : DetectionTable
        The rows of those detections.
    """

    references: IngestReport
    science: IngestReport
    found: Mapping[str, Manifest]
    table: DetectionTable

    @classmethod
    def of(
        cls,
        session: AstridSession,
        references: IngestReport,
        science: IngestReport,
        detections: Mapping[str, Manifest],
    ) -> "DemoFrames":
        """Pick from `detections`, manifests by night, those of the frames that were put in.

        A frame is called as it is called now: the store may know its bytes by an earlier name.
        """
        names = _names(science.files)
        found = {
            night: replace(manifest, items=items)
            for night, manifest in detections.items()
            if (items := _renamed(manifest.items, names))
        }
        return cls(references, science, found, _rows(session, found))

    @property
    def items(self) -> list[Item]:
        """The detections of each science frame, in the order of nights."""
        return [item for _, manifest in sorted(self.found.items()) for item in manifest.items]

    def left_out(self, chain: ChainRun, session: AstridSession) -> list[LeftOut]:
        """Return name and reason of each file that brought nothing, in the order of the chain."""
        refused = [*self.references.skipped, *self.science.skipped]
        told = [(skip.name, skip.reason) for skip in refused]
        told += _twins(self.references, "reference/") + _twins(self.science, "")
        names = _names([*self.references.files, *self.science.files])
        lost = [skip for skip in _chain_skips(chain, session) if skip[0] in names or not skip[0]]
        told += [(names.get(content_hash, name), why) for content_hash, name, why in lost]
        accounted = {item.raw_hash for item in self.items} | {skip[0] for skip in lost}
        told += self._never_searched(accounted)
        return [(name, why.removeprefix(f"{name} ")) for name, why in dict.fromkeys(told)]

    def remarks(self) -> list[str]:
        """Return what is doubtful in the headers: a line per remark."""
        doubtful: dict[str, list[str]] = {}
        for file in (*self.references.files, *self.science.files):
            for warning in dict.fromkeys(said for s in file.summaries for said in s.warnings):
                doubtful.setdefault(warning, []).append(file.name)
        return [f"{_some(names)}: {warning}" for warning, names in sorted(doubtful.items())]

    def _never_searched(self, accounted: set[str]) -> list[LeftOut]:
        references = _names(self.references.files)
        return [
            (name, _never_searched_reason(file, references))
            for content_hash, name in _names(self.science.files).items()
            if content_hash not in accounted
            for file in [_first(self.science.files, content_hash)]
        ]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_TOLD
    return ", ".join(names[:_NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")


def _never_searched_reason(file: IngestedFile, references: Mapping[str, str]) -> str:
    if file.content_hash in references:
        same = references[file.content_hash]
        return f"the same bytes as the reference {same}: used as a reference only"
    if all(summary.role is not Role.IMAGE for summary in file.summaries):
        return "a weight or mask, not an image: stored, not searched"
    return (
        "stored as a reference by an earlier run, so it is not searched: take another --store to "
        "search it"
    )


def _first(files: Sequence[IngestedFile], content_hash: str) -> IngestedFile:
    return next(file for file in files if file.content_hash == content_hash)


def _names(files: Iterable[IngestedFile]) -> dict[str, str]:
    """Return by content hash the name of the first file with it."""
    names: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.name):
        names.setdefault(file.content_hash, file.name)
    return names


def _twins(report: IngestReport, folder: str) -> list[LeftOut]:
    """Return the files whose bytes are those of another file of the same report."""
    names = _names(report.files)
    return [
        (file.name, f"the same bytes as {folder}{names[file.content_hash]}: stored once")
        for file in sorted(report.files, key=lambda file: file.name)
        if names[file.content_hash] != file.name
    ]


def _chain_skips(chain: ChainRun, session: AstridSession) -> list[tuple[str, str, str]]:
    """Return content hash, name and reason of what each tier left out."""
    return [
        (skip.content_hash, skip.name, skip.reason)
        for asset in _CHAIN
        for manifest in chain.manifests(session, asset).values()
        for skip in manifest.skipped
    ]


def _renamed(items: Iterable[Item], names: Mapping[str, str]) -> tuple[Item, ...]:
    """Return the items of the named frames, called as `names` says; [n] tells images of a file."""
    return tuple(
        replace(item, name=names[item.raw_hash] + _image_number(item.name))
        for item in items
        if item.raw_hash in names
    )


def _image_number(name: str) -> str:
    return name[name.rfind("[") :] if name.endswith("]") else ""


def _rows(session: AstridSession, found: Mapping[str, Manifest]) -> DetectionTable:
    """Return the detections of the frames in `found`, under their names there."""
    called = {item.content_hash: item.name for made in found.values() for item in made.items}
    frame = session.detections().frame
    frame = frame[np.array([known in called for known in frame["detections_hash"]], bool)]
    names = [called[content_hash] for content_hash in frame["detections_hash"]]
    return DetectionTable(frame.assign(science_file=names))

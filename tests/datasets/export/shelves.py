"""A small store with a dataset version of triplets, cut from one frame, to export."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from catalog.lineages import lineages, registry
from skies import Shot
from stores import Bench, local_store

from astrid_sdk.catalog.ingest.ingest import Ingest
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.export.export import export_version
from astrid_sdk.datasets.export.report import Export
from astrid_sdk.datasets.export.subject import DEFAULT_FORMATS, ExportStore, ExportSubject
from astrid_sdk.datasets.information import DatasetInformation
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.tiers import Tier

NAME = "sn-train"
SIZE_PX = 5
HOSTILE_PATHS = (
    "=cmd|' /C calc'!A0/a, \"b\".fits",
    "-rf/nächte/Ω 星.fits",
    "a/<img src=x>|`&#.fits",
    "a/%2e%2e/ trailing ",
)
HOSTILE_LABELS = ("real", '=SUM(A1,"x")|<b>', "böse\nzweite Zeile\\ \U0001f320 ", "# real")


def triplet(seed: int, size_px: int = SIZE_PX) -> bytes:
    """Return a triplet of noise with a pixel that is unknown."""
    stamps = np.random.default_rng(seed).normal(size=(3, size_px, size_px)).astype(np.float32)
    stamps[2, 0, 0] = np.nan
    return Triplet(*stamps).to_fits()


def _cut(_inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    stamps = [triplet(seed) for seed in range(parameters["stamps"])]
    return Result(
        [
            Output(f"triplet-{k:03d}", stamp, "application/fits", ".triplet.fits")
            for k, stamp in enumerate(stamps, 1)
        ]
    )


CUT = Step("cut", _cut, Tier.DETECTIONS)


class Shelf:
    """A store in a folder, and its dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bench = Bench(local_store(folder / "store"))
        frame = folder / "nights" / "frame.fits"
        Shot(size_px=32).write(frame)
        taken = Ingest(self.bench.cas, self.bench.catalog)([("frame.fits", frame)])
        self.raw = taken.stored[0].content_hash

    @property
    def store(self) -> ExportStore:
        return ExportStore(self.bench.cas, self.bench.catalog, lineages(self.bench).why)

    def triplets(self, count: int) -> list[str]:
        """Return the hashes of triplets that a step cut from the frame."""
        made = self.bench.derivations.derive(CUT, {"raw": [self.raw]}, {"stamps": count}, name="f")
        return [made.output(f"triplet-{k:03d}").content_hash for k in range(1, count + 1)]

    def hostile(self) -> list[DatasetFile]:
        """Return files whose paths and labels try to be something else."""
        hashes = self.triplets(len(HOSTILE_PATHS))
        return [
            self.file(content_hash, path, label=label, ra_deg=359.9 + 0.05 * k, dec_deg=-1.0)
            for k, (content_hash, path, label) in enumerate(
                zip(hashes, HOSTILE_PATHS, HOSTILE_LABELS, strict=True)
            )
        ]

    def file(self, content_hash: str, path: str, **said: Any) -> DatasetFile:
        if said.get("ra_deg") is not None:
            said["ra_deg"] %= 360.0
        told = {"tier": "detections", "role": "triplet", "sources": (self.raw,)} | said
        return DatasetFile(content_hash, path, **told)

    def data(self, data: bytes, path: str, **said: Any) -> DatasetFile:
        """Return a file of these bytes, stored."""
        content_hash = self.bench.cas.store_data(data, "application/octet-stream", tier="artifacts")
        return self.file(content_hash, path, **({"tier": "artifacts", "role": "file"} | said))

    def subject(self, files: Sequence[DatasetFile], **said: Any) -> ExportSubject:
        manifest = DatasetManifest(NAME, tuple(files))
        version = registry(self.bench).commit(manifest, "as asked").version
        sides = said.pop("sides", {})
        return ExportSubject(version, manifest, DatasetInformation(NAME, **said), sides)

    def export(
        self,
        files: Sequence[DatasetFile],
        *formats: str,
        folder: str = "out",
        **said: Any,
    ) -> Export:
        subject = self.subject(files, **said)
        wanted = formats or DEFAULT_FORMATS
        return export_version(
            self.store, subject, self.folder / folder, formats=wanted, progress=False
        )

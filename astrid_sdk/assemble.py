"""What is put together from the pipeline and the datasets: a dataset's manifest, all steps."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from astrid_sdk.catalog.search.finding import Query, find
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.step import Step
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest, LeftOut
from astrid_sdk.datasets.manifest_step import MANIFEST_STEP
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # astropy takes seconds to import
    from astrid_sdk.pipeline.detection_table import DetectionTable


def dataset_of(
    dataset_id: str, nights: Mapping[str, Manifest], known_nights: Sequence[str]
) -> DatasetManifest:
    """Return the dataset of all detections files and triplets of `nights`.

    Parameters
    ----------
    dataset_id : str
    nights : mapping of str to Manifest
        Night to what the detections asset made of it.
    known_nights : sequence of str
        All nights of the store; those that bring nothing are listed with the reason.
    """
    files = [file for manifest in nights.values() for file in _files(manifest)]
    empty = [night for night in known_nights if night not in nights or not nights[night].items]
    left_out = [LeftOut(night, _reason(nights.get(night))) for night in sorted(empty)]
    return DatasetManifest(dataset_id, tuple(files), tuple(left_out))


def newest_detections(
    catalog: Catalog,
    cas: ContentAddressedStorage,
    derivations: Derivations,
    night: str | None = None,
) -> "DetectionTable":
    """Return what was detected, in one night or in all; of each frame the newest search."""
    from astrid_sdk.pipeline.detection_table import read_detections  # noqa: PLC0415 - astropy

    rows = find(catalog, Query(tier=Tier.DETECTIONS, role="detections", night=night))
    in_time = sorted(rows, key=lambda row: row.created_at)
    newest = {(row.night, row.name): row for row in in_time}
    return read_detections(cas, derivations, [newest[frame] for frame in sorted(newest)])


def triplets_of(table: "DetectionTable") -> dict[str, str | None]:
    """Return by detection id the triplet that was cut out of each; None where none was."""
    from astrid_sdk.pipeline.detection_models import detections_of  # noqa: PLC0415 - astropy

    pairs = zip(detections_of(table), table.frame["triplet_hash"].tolist(), strict=True)
    return {found.detection_id: triplet or None for found, triplet in pairs}


def known_steps() -> list[Step]:
    """Return the steps of the chain: what they made can be made again."""
    from astrid_sdk.datasets.splits.step import SPLIT_STEP  # noqa: PLC0415 - as below
    from astrid_sdk.models.real_bogus import score_step, train_step  # noqa: PLC0415 - as below
    from astrid_sdk.pipeline.steps import (  # noqa: PLC0415 - scipy takes seconds to import
        calibrate,
        coadd,
        collect,
        detect,
        pattern,
        real_bogus_features,
        subtract,
    )

    chain = (calibrate, coadd, collect, detect, pattern, subtract)
    model = (real_bogus_features, train_step, score_step)
    return [MANIFEST_STEP, SPLIT_STEP, *(module.STEP for module in (*chain, *model))]


def _files(manifest: Manifest) -> Iterator[DatasetFile]:
    named = Counter(item.name for item in manifest.items)
    for item in manifest.items:
        # files of one name, from two folders, are told apart by their raw content
        unique = item.name if named[item.name] == 1 else f"{item.name}@{item.raw_hash[:8]}"
        folder = f"{manifest.partition}/{unique}"
        yield _file(item, item.content_hash, f"{folder}/detections.parquet", "detections")
        for number, triplet in enumerate(item.details["triplets"], 1):
            yield _file(item, triplet, f"{folder}/triplet-{number:03d}.fits", "triplet")


def _file(item: Item, content_hash: str, path: str, role: str) -> DatasetFile:
    return DatasetFile(content_hash, path, item.tier, role, sources=(item.raw_hash,))


def _reason(manifest: Manifest | None) -> str:
    if manifest is None:
        return "its detections are not materialised"
    reasons = [f"{skip.name}: {skip.reason}" for skip in manifest.skipped]
    return "; ".join([*manifest.notes, *reasons]) or "nothing to detect in"

"""What is put together from the pipeline and the datasets: a dataset's manifest, all steps."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from astrid_sdk.catalog.steps.step import Step
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest, LeftOut
from astrid_sdk.datasets.registry import MANIFEST_STEP
from astrid_sdk.pipeline.manifest import Item, Manifest


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


def known_steps() -> list[Step]:
    """Return the steps of the chain: what they made can be made again."""
    from astrid_sdk.pipeline.steps import (  # noqa: PLC0415 - scipy takes seconds to import
        calibrate,
        coadd,
        collect,
        detect,
        pattern,
        subtract,
    )

    modules = (calibrate, coadd, collect, detect, pattern, subtract)
    return [MANIFEST_STEP, *(module.STEP for module in modules)]


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

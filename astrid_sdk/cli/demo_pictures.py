"""The demo's pictures and tables, as files that any program opens."""

from collections.abc import Mapping
from pathlib import Path

from astrid_sdk.pipeline.detection_files import DetectionTable
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.sky.preview import triplet_png

_PER_FRAME = 20


def write_pictures(
    session: AstridSession, nights: Mapping[str, Manifest], folder: Path
) -> list[Path]:
    """Write the triplets of the brightest unflagged detections of each frame as PNG files."""
    paths = []
    for night, manifest in sorted(nights.items()):
        target = folder / night
        target.mkdir(parents=True, exist_ok=True)
        for item in manifest.items:
            paths += _frame_pictures(session, item, target)
    return paths


def write_tables(table: DetectionTable, folder: Path) -> tuple[Path, Path]:
    """Write all detections as CSV, and as DS9 regions; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return table.to_csv(folder / "detections.csv"), table.to_ds9(folder / "detections.reg")


def _frame_pictures(session: AstridSession, item: Item, target: Path) -> list[Path]:
    paths = []
    stem = item.name.replace("/", "_")
    for number, content_hash in enumerate(item.details["triplets"][:_PER_FRAME], 1):
        triplet = Triplet.from_fits(session.cas.retrieve_data(content_hash, tier=item.tier))
        if triplet.header["FLAGS"]:
            break  # unflagged triplets come first
        snr, x, y = (triplet.header[card] for card in ("SNR", "X", "Y"))
        caption = f"{item.name}  x {x:.1f}  y {y:.1f}  SNR {snr:.1f}"
        path = target / f"{stem}-{number:03d}.png"
        path.write_bytes(
            triplet_png(triplet.science, triplet.reference, triplet.difference, caption)
        )
        paths.append(path)
    return paths

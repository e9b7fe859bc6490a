"""The demo's pictures and tables, as files that any program opens."""

import glob
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.pipeline.detection_table import DetectionTable
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.session import AstridSession
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.sky.preview import triplet_png

_PER_FRAME = 20
_LONGEST_STEM = 60  # letters of four bytes still make a legal file name
_LONGEST_CAPTION = 45
_HASH_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """A detection's triplet as a PNG file.

    Attributes
    ----------
    path : Path
    night, science_file : str
    x, y : float
        0-based pixel position in the science file.
    snr : float
    """

    path: Path
    night: str
    science_file: str
    x: float
    y: float
    snr: float


def write_pictures(
    session: AstridSession, nights: Mapping[str, Manifest], folder: Path
) -> list[Picture]:
    """Write the triplets of the brightest unflagged detections of each frame as PNG files.

    Pictures that an earlier run left of the same frames are replaced.
    """
    pictures: list[Picture] = []
    for night, manifest in sorted(nights.items()):
        target = folder / night
        target.mkdir(parents=True, exist_ok=True)
        for item in manifest.items:
            for old in target.glob(f"{glob.escape(_stem(item))}-[0-9][0-9][0-9].png"):
                old.unlink()
            pictures += _frame_pictures(session, item, night, target)
    return pictures


def write_tables(table: DetectionTable, folder: Path) -> tuple[Path, Path]:
    """Write all detections as CSV, and as DS9 regions; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return table.to_csv(folder / "detections.csv"), table.to_ds9(folder / "detections.reg")


def _frame_pictures(
    session: AstridSession, item: Item, night: str, target: Path
) -> Iterator[Picture]:
    for number, content_hash in enumerate(item.details["triplets"][:_PER_FRAME], 1):
        triplet = Triplet.from_fits(session.cas.retrieve_data(content_hash, tier=item.tier))
        if triplet.header["FLAGS"]:
            return  # unflagged triplets come first
        snr, x, y = (float(triplet.header[card]) for card in ("SNR", "X", "Y"))
        faded = "  faded" if triplet.header["ISNEG"] else ""
        caption = f"{_caption_name(item.name)}  x {x:.1f}  y {y:.1f}  SNR {snr:.1f}{faded}"
        path = target / f"{_stem(item)}-{number:03d}.png"
        path.write_bytes(
            triplet_png(triplet.science, triplet.reference, triplet.difference, caption)
        )
        yield Picture(path, night, item.name, x, y, snr)


def _caption_name(name: str) -> str:
    """Return `name` in the letters that the pictures' font has, short enough for one line."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain if len(plain) <= _LONGEST_CAPTION else f"{plain[: _LONGEST_CAPTION - 3]}..."


def _stem(item: Item) -> str:
    stem = item.name.replace("/", "_")
    if len(stem) <= _LONGEST_STEM:
        return stem
    return f"{stem[: _LONGEST_STEM - _HASH_DIGITS - 1]}@{item.raw_hash[:_HASH_DIGITS]}"

"""The figures to reach on the scenes with known transients."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from astrid_sdk.pipeline.calibrate import build_pattern, calibrate
from astrid_sdk.pipeline.coadd import coadd
from astrid_sdk.pipeline.detect import DetectParameters, detect
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.subtract import subtract
from astrid_sdk.sky.frame import RawImage

pytestmark = [
    pytest.mark.scenes,
    pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning"),
]
USUAL = DetectParameters()
DEEPER = DetectParameters(threshold=4.3)  # what a search of the faintest would take


def read(path: Path) -> RawImage:
    with fits.open(path) as hdus:
        return RawImage(hdus[0].data.astype(np.float32), hdus[0].header.copy())


def truth(scene: Path) -> dict[str, list[tuple[float, float, float]]]:
    """Return x, y and SNR of the true sources of each science file."""
    sources: dict[str, list[tuple[float, float, float]]] = {}
    with (scene / "truth.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            place = (float(row["x"]), float(row["y"]), float(row["snr"]))
            sources.setdefault(row["science_file"], []).append(place)
    return sources


@dataclass
class Score:
    """Sources found and false ones, pooled over differences."""

    found: list[tuple[float, bool]] = field(default_factory=list)
    false: int = 0
    megapixels: float = 0.0

    def add(
        self,
        difference: Difference,
        sources: list[tuple[float, float, float]],
        parameters: DetectParameters,
    ) -> None:
        table = detect(difference, parameters)
        clean = table.select((table.flags == 0) & ~table.is_negative)
        places = np.array(sources)
        gaps = np.hypot(clean.x[:, None] - places[:, 0], clean.y[:, None] - places[:, 1])
        self.false += int((gaps.min(axis=1) > 4).sum())
        self.megapixels += difference.megapixels
        for index in np.argsort(-places[:, 2], kind="stable"):
            best = int(gaps[:, index].argmin())
            hit = bool(gaps[best, index] < 2.5)
            if hit:
                gaps[best] = np.inf
            self.found.append((float(places[index, 2]), hit))

    def completeness(self, low: float, high: float) -> float:
        return float(np.mean([hit for snr, hit in self.found if low <= snr <= high]))

    @property
    def false_per_megapixel(self) -> float:
        return self.false / self.megapixels


def score(
    differences: list[tuple[Difference, list[tuple[float, float, float]]]],
    parameters: DetectParameters = USUAL,
) -> Score:
    total = Score()
    for difference, sources in differences:
        total.add(difference, sources, parameters)
    return total


def pair(scene: Path) -> list[tuple[Difference, list[tuple[float, float, float]]]]:
    (reference,) = (scene / "reference").iterdir()
    ((name, sources),) = truth(scene).items()
    science = calibrate(read(scene / "science" / name))
    return [(subtract(science, calibrate(read(reference))), sources)]


def test_the_simulated_scene_is_solved(scenes: Path) -> None:
    differences = pair(scenes / "sim1024")
    result = score(differences)
    assert result.completeness(10, 100) >= 0.95
    assert result.false_per_megapixel <= 5
    deeper = score(differences, DEEPER)
    assert deeper.completeness(6, 8) >= 0.6
    assert deeper.false_per_megapixel <= 10


def test_the_galaxy_field_without_gain_or_wcs_is_solved(scenes: Path) -> None:
    differences = pair(scenes / "eso085")
    result = score(differences)
    assert result.completeness(10, 100) >= 0.95
    assert result.false_per_megapixel <= 5
    deeper = score(differences, DEEPER)
    assert deeper.completeness(6, 8) >= 0.6
    assert deeper.false_per_megapixel <= 10


def test_the_raw_undersampled_field_is_solved(scenes: Path) -> None:
    scene = scenes / "hatp32"
    raws = [read(path) for path in sorted((scene / "reference").iterdir())]
    pattern = build_pattern(raws)
    template = coadd([calibrate(raw, pattern) for raw in raws]).frame
    differences = [
        (subtract(calibrate(read(scene / "science" / name), pattern), template), sources)
        for name, sources in sorted(truth(scene).items())
    ]
    result = score(differences)
    assert result.completeness(10, 15) >= 0.8
    assert result.completeness(25, 100) >= 0.88
    assert result.false_per_megapixel <= 30

"""A small survey in a store: frames, what was cut out of them, and a dataset of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from stores import BUCKET, Bench

from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.registry import DatasetRegistry
from astrid_sdk.datasets.splits.rules import SplitRules
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.datasets.splits.splits import Splits
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.tiers import Tier

SIZE_PX = 31


def _calibrate(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    return Result([Output("frame", b"calibrated " + inputs.read("raw"), "text/plain", ".frame")])


def _detect(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    seed = int.from_bytes(inputs.read("science")[-4:], "big")
    stars = parameters["stars"]
    return Result(
        [
            Output(f"triplet-{star:03d}", stamps(seed + star), "application/fits", f".{star}.fits")
            for star in range(stars)
        ]
    )


def _turn(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    triplet = Triplet.from_fits(inputs.read("triplet"))
    planes = (triplet.science, triplet.reference, triplet.difference)
    turned = Triplet(*(np.rot90(plane, parameters["turns"]).copy() for plane in planes))
    return Result([Output("triplet", turned.to_fits(), "application/fits", ".turned.fits")])


CALIBRATE = Step("calibrate", _calibrate, Tier.PROCESSED_OBSERVATIONS)
PATTERN = Step("pattern", _calibrate, Tier.PROCESSED_OBSERVATIONS)
DETECT = Step("detect", _detect, Tier.DETECTIONS)
TURN = Step("augment", _turn, Tier.DETECTIONS)


def stamps(seed: int, **changes: Any) -> bytes:
    """Return a triplet of noise with a source in it."""
    return triplet(seed, **changes).to_fits()


def triplet(seed: int, *, scale: float = 1.0, offset: float = 0.0) -> Triplet:
    rng = np.random.default_rng(seed)
    planes = rng.normal(size=(3, SIZE_PX, SIZE_PX)) * scale + offset
    planes[0, 3, 9] += 30 * scale
    return Triplet(*planes.astype(np.float32))


@dataclass
class Survey:
    """A store with a dataset in it."""

    bench: Bench
    files: Sequence[DatasetFile]

    def splits(self) -> Splits:
        bench = self.bench
        lineages = Lineages(bench.catalog, bench.derivations)
        return Splits(bench.cas, bench.derivations, lineages.ancestry)

    def version(self) -> str:
        bench = self.bench
        registry = DatasetRegistry(bench.storage, BUCKET, bench.cas, bench.derivations)
        manifest = DatasetManifest("sn-train", self.files)
        return registry.commit(manifest, "first").version.manifest_hash

    def split(self, fractions: Mapping[str, float], **rules: Any) -> Split:
        return self.splits().split(self.version(), SplitRules.of(fractions, **rules))

    def stored(self, content_hash: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.bench.cas.retrieve_data(content_hash))
        return told

    def store(self, content: bytes, name: str, tier: Tier = Tier.DETECTIONS) -> str:
        stored = self.bench.cas.store_data(content, "application/fits", tier=tier, name=name)
        return str(stored)


def survey(
    bench: Bench, *, frames: int = 8, stars: int = 4, pattern: bool = False, apart: float = 1.0
) -> Survey:
    """Make frames and cut the same stars, `apart` degrees from each other, out of each."""
    raws = [
        str(
            bench.cas.store_data(
                b"sky %d " % frame + (frame * 100).to_bytes(4, "big"),
                "application/fits",
                tier=Tier.RAW_OBSERVATIONS,
                name=f"{frame}.fits",
            )
        )
        for frame in range(frames)
    ]
    fixed = _pattern(bench, raws) if pattern else []
    files = [
        DatasetFile(
            found, f"{frame}/{star}.fits", "detections", "triplet", ra_deg=star * apart, dec_deg=1
        )
        for frame, raw in enumerate(raws)
        for star, found in enumerate(_cut_out(bench, raw, fixed, stars))
    ]
    return Survey(bench, files)


def _pattern(bench: Bench, raws: Sequence[str]) -> list[str]:
    made = bench.derivations.derive(PATTERN, {"raw": raws[:1], "more": raws}, {}, name="pattern")
    return [made.output("frame").content_hash]


def _cut_out(bench: Bench, raw: str, fixed: list[str], stars: int) -> list[str]:
    inputs = {"raw": [raw], "pattern": fixed}
    frame = bench.derivations.derive(CALIBRATE, inputs, {}, name=raw[:8])
    science = frame.output("frame").content_hash
    made = bench.derivations.derive(DETECT, {"science": [science]}, {"stars": stars}, name=raw[:8])
    return [output.content_hash for output in made.outputs]

"""The chain from raw frames to detections, a tier at a time; each method is one asset's work.

Every method returns a `Manifest`, stored by content like everything else: what was made, what was
left out and why. Nothing is computed twice: each item is a derivation.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from astrid_sdk.catalog.contents import PURPOSES
from astrid_sdk.catalog.search.finding import Found, Query, find
from astrid_sdk.catalog.steps.derivations import Derivation, Derivations
from astrid_sdk.catalog.steps.step import REJECTED
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.pipeline.fields import field_name, group_by_field, template_for
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.steps import calibrate, coadd, detect, pattern, subtract
from astrid_sdk.pipeline.work import Materialised, Work
from astrid_sdk.sky.summary import Summary
from astrid_sdk.tiers import Tier

__all__ = ["ONLY_REFERENCES", "Materialised", "Survey"]

SCIENCE, REFERENCE = PURPOSES
ONLY_REFERENCES = "no science frame this night: its frames are references"
_MIN_PATTERN_FRAMES = 5


class Survey:
    """The steps of the chain over one bucket.

    Parameters
    ----------
    catalog : Catalog
    derivations : Derivations
    """

    def __init__(self, catalog: Catalog, derivations: Derivations) -> None:
        self._catalog = catalog
        self._derivations = derivations

    def nights(self) -> list[str]:
        """Return the nights of which raw images are stored, earliest first."""
        return sorted({found.night or "undated" for found in self._raw(Query())})

    def raw_observations(self, night: str) -> Materialised:
        """List the raw images of `night` that are not excluded."""
        work = Work(self._derivations, "raw_observations", night)
        rows = self._raw(Query(night=night, include_excluded=True))
        images = Counter(found.content_hash for found in rows)
        for found in rows:
            if found.excluded:
                work.skip(found.name, f"excluded: {found.excluded}", found.content_hash)
            else:
                work.items.append(_raw_item(found, alone=images[found.content_hash] == 1))
        return work.collect()

    def calibration_frames(self, raw: Iterable[Manifest]) -> Materialised:
        """Derive the fixed pattern of each detector from its raw reference frames."""
        work = Work(self._derivations, "calibration_frames")
        for (instrument, shape), group in _by_detector(_references(raw)).items():
            called = f"{instrument or 'unknown'} {shape[1]}x{shape[0]}"
            if len(group) < _MIN_PATTERN_FRAMES:
                work.notes.append(
                    f"{called}: {len(group)} reference frames, a pattern takes "
                    f"{_MIN_PATTERN_FRAMES} or more"
                )
                continue
            inputs = {"raw": [item.raw_hash for item in group]}
            indices = {"hdu_indices": [item.summary.hdu_index for item in group]}
            subject = replace(group[0], name=called, summary=_timeless(group[0].summary))
            made = work.derive(pattern.STEP, inputs, subject, indices)
            if made.refusal:
                work.notes.append(f"{called}: no pattern, {made.refusal}")
            else:
                work.keep(made, "pattern", replace(group[0], name=called))
        return work.collect()

    def processed_observations(self, raw: Manifest, calibration: Manifest) -> Materialised:
        """Calibrate each raw image of a night."""
        work = Work(self._derivations, "processed_observations", raw.partition)
        patterns = {_detector(item): item.content_hash for item in calibration.items}
        for item in raw.items:
            known = patterns.get(_detector(item))
            inputs = {"raw": [item.raw_hash]} | ({"pattern": [known]} if known else {})
            place = {"hdu_index": item.summary.hdu_index}
            if made := work.derive_or_skip(calibrate.STEP, inputs, item, place):
                work.keep(made, "frame", item)
        return work.collect()

    def reference_images(self, processed: Iterable[Manifest]) -> Materialised:
        """Co-add the reference frames of each field, filter and instrument into a template."""
        work = Work(self._derivations, "reference_images")
        for group in group_by_field(_references(processed)):
            summary = _timeless(group[0].summary)
            called = f"{field_name(summary)}-{summary.filter_band}"
            template = replace(group[0], name=called, raw_hash="", summary=summary)
            inputs = {"frame": [item.content_hash for item in group]}
            made = work.derive(coadd.STEP, inputs, template)
            for item, reason in _left_out(made, group):
                work.skip(item.name, reason, item.raw_hash)
            if not made.refusal:
                work.keep(made, "template", template)
        return work.collect()

    def difference_images(self, processed: Manifest, references: Manifest) -> Materialised:
        """Subtract the fitting template from each science frame of a night."""
        work = Work(self._derivations, "difference_images", processed.partition)
        science = [item for item in processed.items if item.purpose == SCIENCE]
        for item in science:
            template = template_for(item, references.items)
            if template is None:
                work.skip(item.name, _no_template(item), item.raw_hash)
                continue
            inputs = {"science": [item.content_hash], "reference": [template.content_hash]}
            hashes = {"science_hash": item.content_hash, "reference_hash": template.content_hash}
            if made := work.derive_or_skip(subtract.STEP, inputs, item):
                work.keep(made, "difference", item, hashes)
        if not science:
            work.notes.append(ONLY_REFERENCES)
        return work.collect()

    def detections(self, differences: Manifest) -> Materialised:
        """Detect sources on each difference image of a night, and cut out their triplets."""
        work = Work(self._derivations, "detections", differences.partition)
        # a frame without a difference has no detections, for the same reason
        work.skipped.extend(differences.skipped)
        work.notes.extend(differences.notes)
        for item in differences.items:
            inputs = {
                "difference": [item.content_hash],
                "science": [str(item.details["science_hash"])],
            }
            if made := work.derive_or_skip(detect.STEP, inputs, item):
                work.keep(made, "detections", item, _cut_out(made, item))
        return work.collect()

    def _raw(self, query: Query) -> list[Found]:
        rows = find(self._catalog, replace(query, tier=Tier.RAW_OBSERVATIONS, role="image"))
        return [found for found in rows if not found.derivation_key]


def _raw_item(found: Found, *, alone: bool) -> Item:
    summary = Summary.from_json(found.summary)
    return Item(
        content_hash=found.content_hash,
        tier=found.tier,
        name=found.name if alone else f"{found.name}[{summary.hdu_index}]",
        raw_hash=found.content_hash,
        summary=summary,
        purpose=found.purpose or SCIENCE,
        details={"file": found.name},
    )


def _timeless(summary: Summary) -> Summary:
    """Return the summary of what many exposures are made into."""
    return replace(summary, night="", observation_time=None)


def _left_out(made: Derivation, group: Sequence[Item]) -> list[tuple[Item, str]]:
    """Return the frames that did not go into a template, and why."""
    if made.refusal:
        return [(item, made.refusal) for item in group]
    return [(group[left["index"]], left["reason"]) for left in made.facts[REJECTED]]


def _cut_out(made: Derivation, difference: Item) -> dict[str, Any]:
    triplets = [out.content_hash for out in made.outputs if out.role.startswith("triplet")]
    return {
        "difference_hash": difference.content_hash,
        "contact_sheet_hash": made.output("contact_sheet").content_hash,
        "megapixels": difference.details["megapixels"],
        "triplets": triplets,
    }


def _references(manifests: Iterable[Manifest]) -> list[Item]:
    found = [item for manifest in manifests for item in manifest.items if item.purpose == REFERENCE]
    return sorted(found, key=lambda item: (item.name, item.content_hash))


def _detector(item: Item) -> tuple[str | None, tuple[int, int]]:
    summary = item.summary
    return (summary.instrument, summary.shape)


def _by_detector(items: Sequence[Item]) -> dict[tuple[str | None, tuple[int, int]], list[Item]]:
    groups: dict[tuple[str | None, tuple[int, int]], list[Item]] = {}
    for item in items:
        groups.setdefault(_detector(item), []).append(item)
    return groups


def _no_template(item: Item) -> str:
    band = item.summary.filter_band
    return (
        f"no template of this field in filter {band}: ingest reference frames of it, or check "
        "the FILTER card"
    )

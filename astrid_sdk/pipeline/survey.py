"""The chain from raw frames to detections, a tier at a time; each method is one asset's work.

Every method returns a `Manifest`, stored by content like everything else: what was made, what was
left out and why. Nothing is computed twice: each item is a derivation.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from astrid_sdk.catalog.derivations import Derivation, Derivations, Step
from astrid_sdk.catalog.search import Found, Query, find
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.pipeline.fields import field_name, group_by_field, template_for
from astrid_sdk.pipeline.manifest import Item, Manifest, Skip
from astrid_sdk.pipeline.steps import calibrate, coadd, collect, detect, pattern, subtract
from astrid_sdk.sky.summary import Summary
from astrid_sdk.tiers import Tier

REFERENCE = "reference"
SCIENCE = "science"
ONLY_REFERENCES = "no science frame this night: its frames are references"
_MIN_PATTERN_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Materialised:
    """A manifest that is stored, and what it took.

    Attributes
    ----------
    manifest : Manifest
    content_hash : str
        Of the stored manifest: the asset's data version.
    executed, reused : int
        Derivations computed now, and found done.
    """

    manifest: Manifest
    content_hash: str
    executed: int
    reused: int


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
        items, skipped = [], []
        rows = self._raw(Query(night=night, include_excluded=True))
        images = Counter(found.content_hash for found in rows)
        for found in rows:
            if found.excluded:
                reason = f"excluded: {found.excluded}"
                skipped.append(Skip(found.name, reason, found.content_hash))
            else:
                items.append(_raw_item(found, alone=images[found.content_hash] == 1))
        work = _Work(self._derivations)
        manifest = Manifest("raw_observations", night, tuple(items), tuple(skipped))
        return work.collect(manifest)

    def calibration_frames(self, raw: Iterable[Manifest]) -> Materialised:
        """Derive the fixed pattern of each detector from its raw reference frames."""
        work = _Work(self._derivations)
        references = [item for item in _items(raw) if item.purpose == REFERENCE]
        items, skipped, notes = [], [], []
        for (instrument, shape), group in _by_detector(references).items():
            called = f"{instrument or 'unknown'} {shape[1]}x{shape[0]}"
            if len(group) < _MIN_PATTERN_FRAMES:
                notes.append(
                    f"{called}: {len(group)} reference frames, a pattern takes "
                    f"{_MIN_PATTERN_FRAMES} or more"
                )
                continue
            made = work.derive(
                pattern.STEP,
                {"raw": [item.raw_hash for item in group]},
                {"hdu_indices": [item.summary.hdu_index for item in group]},
                called,
                replace(group[0].summary, night="", observation_time=None),
            )
            if made.refusal:
                notes.append(f"{called}: no pattern, {made.refusal}")
            else:
                items.append(_derived_item(made, "pattern", called, group[0]))
        manifest = Manifest("calibration_frames", "", tuple(items), tuple(skipped), tuple(notes))
        return work.collect(manifest)

    def processed_observations(self, raw: Manifest, calibration: Manifest) -> Materialised:
        """Calibrate each raw image of a night."""
        work = _Work(self._derivations)
        patterns = {_detector(item): item.content_hash for item in calibration.items}
        items, skipped = [], []
        for item in raw.items:
            known = patterns.get(_detector(item))
            inputs = {"raw": [item.raw_hash]} | ({"pattern": [known]} if known else {})
            made = work.derive(
                calibrate.STEP,
                inputs,
                {"hdu_index": item.summary.hdu_index},
                item.name,
                item.summary,
            )
            if made.refusal:
                skipped.append(Skip(item.name, made.refusal, item.raw_hash))
            else:
                items.append(_derived_item(made, "frame", item.name, item))
        manifest = Manifest("processed_observations", raw.partition, tuple(items), tuple(skipped))
        return work.collect(manifest)

    def reference_images(self, processed: Iterable[Manifest]) -> Materialised:
        """Co-add the reference frames of each field, filter and instrument into a template."""
        work = _Work(self._derivations)
        references = [item for item in _items(processed) if item.purpose == REFERENCE]
        items, skipped = [], []
        for group in group_by_field(references):
            summary = replace(group[0].summary, night="", observation_time=None)
            called = f"{field_name(summary)}-{summary.filter_band}"
            inputs = {"frame": [item.content_hash for item in group]}
            made = work.derive(coadd.STEP, inputs, {}, called, summary)
            if made.refusal:
                skipped.extend(Skip(item.name, made.refusal, item.raw_hash) for item in group)
                continue
            for left_out in made.facts["rejected"]:
                item = group[left_out["index"]]
                skipped.append(Skip(item.name, left_out["reason"], item.raw_hash))
            template = replace(group[0], name=called, raw_hash="", summary=summary)
            items.append(_derived_item(made, "template", called, template))
        manifest = Manifest("reference_images", "", tuple(items), tuple(skipped))
        return work.collect(manifest)

    def difference_images(self, processed: Manifest, references: Manifest) -> Materialised:
        """Subtract the fitting template from each science frame of a night."""
        work = _Work(self._derivations)
        items, skipped = [], []
        science = [item for item in processed.items if item.purpose == SCIENCE]
        for item in science:
            template = template_for(item, references.items)
            if template is None:
                skipped.append(Skip(item.name, _no_template(item), item.raw_hash))
                continue
            inputs = {"science": [item.content_hash], "reference": [template.content_hash]}
            made = work.derive(subtract.STEP, inputs, {}, item.name, item.summary)
            if made.refusal:
                skipped.append(Skip(item.name, made.refusal, item.raw_hash))
                continue
            hashes = {"science_hash": item.content_hash, "reference_hash": template.content_hash}
            items.append(_derived_item(made, "difference", item.name, item, hashes))
        notes = () if science else (ONLY_REFERENCES,)
        manifest = Manifest(
            "difference_images", processed.partition, tuple(items), tuple(skipped), notes
        )
        return work.collect(manifest)

    def detections(self, differences: Manifest) -> Materialised:
        """Detect sources on each difference image of a night, and cut out their triplets."""
        work = _Work(self._derivations)
        items, skipped = [], []
        for item in differences.items:
            inputs = {
                "difference": [item.content_hash],
                "science": [str(item.details["science_hash"])],
            }
            made = work.derive(detect.STEP, inputs, {}, item.name, item.summary)
            if made.refusal:
                skipped.append(Skip(item.name, made.refusal, item.raw_hash))
                continue
            more = {
                "difference_hash": item.content_hash,
                "contact_sheet_hash": made.output("contact_sheet").content_hash,
                "megapixels": item.details["megapixels"],
                "triplets": [
                    output.content_hash
                    for output in made.outputs
                    if output.role.startswith("triplet")
                ],
            }
            items.append(_derived_item(made, "detections", item.name, item, more))
        manifest = Manifest(
            "detections",
            differences.partition,
            tuple(items),
            # a frame without a difference has no detections, for the same reason
            (*differences.skipped, *skipped),
            differences.notes,
        )
        return work.collect(manifest)

    def _raw(self, query: Query) -> list[Found]:
        rows = find(self._catalog, replace(query, tier=Tier.RAW_OBSERVATIONS, role="image"))
        return [found for found in rows if not found.derivation_key]


class _Work:
    """Derivations of one asset's run, counted."""

    def __init__(self, derivations: Derivations) -> None:
        self._derivations = derivations
        self._executed = 0
        self._reused = 0

    def derive(
        self,
        step: Step,
        inputs: Mapping[str, Sequence[str]],
        parameters: Mapping[str, Any],
        name: str,
        subject: Summary | None,
    ) -> Derivation:
        made = self._derivations.derive(step, inputs, parameters, name=name, subject=subject)
        self._executed += not made.reused
        self._reused += made.reused
        return made

    def collect(self, manifest: Manifest) -> Materialised:
        name = "/".join(part for part in (manifest.partition, manifest.asset) if part)
        hashes = sorted({item.content_hash for item in manifest.items})
        parameters = {"manifest": manifest.to_json()}
        made = self.derive(collect.STEP, {"items": hashes}, parameters, name, None)
        content_hash = made.output("manifest").content_hash
        return Materialised(manifest, content_hash, self._executed, self._reused)


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


def _derived_item(
    made: Derivation,
    role: str,
    name: str,
    source: Item,
    details: Mapping[str, Any] | None = None,
) -> Item:
    output = made.output(role)
    facts = {key: value for key, value in made.facts.items() if key != "rejected"}
    return Item(
        content_hash=output.content_hash,
        tier=output.tier.value,
        name=name,
        raw_hash=source.raw_hash,
        summary=source.summary,
        purpose=source.purpose,
        details={**facts, **(details or {})},
    )


def _items(manifests: Iterable[Manifest]) -> list[Item]:
    found = [item for manifest in manifests for item in manifest.items]
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

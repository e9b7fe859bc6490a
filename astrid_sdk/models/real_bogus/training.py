"""From a dataset version to a trained model, or to the reason why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.models.real_bogus import train_step
from astrid_sdk.models.real_bogus.batches import batches_of
from astrid_sdk.models.real_bogus.fitting import LEAST_OF_A_CLASS, ForestSettings
from astrid_sdk.models.real_bogus.samples import BOGUS, REAL, TEST, TRAIN, is_labelled
from astrid_sdk.pipeline.manifest import Item
from astrid_sdk.pipeline.work import Materialised, Work
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.summary import Summary

ASSET = "real_bogus_model"
NAME = "real-bogus"
_FRACTIONS = {TRAIN: 0.7, TEST: 0.3}
_LEAST_KEPT = 0.5
_SHARED = (("build_pattern",), ("build_pattern", "coadd"))
"""What may be behind both sides, the stricter first: a detector's pattern, then a template too."""


@dataclass(frozen=True, slots=True)
class Training:
    """Trains models on the datasets of a store.

    Parameters
    ----------
    catalog : Catalog
    derivations : Derivations
    datasets : Datasets
    """

    catalog: Catalog
    derivations: Derivations
    datasets: Datasets

    def __call__(self, dataset: str | DatasetVersion, settings: ForestSettings) -> Materialised:
        """Return the model of a dataset version as a manifest of one item; none, and why.

        Parameters
        ----------
        dataset : str or DatasetVersion
            Such as ``"transients"``, the newest version.
        settings : ForestSettings
        """
        work = Work(self.derivations, ASSET)
        try:
            self._train(work, self.datasets.get(dataset), settings)
        except NotFoundError as missing:
            work.notes.append(f"no model: {missing.message}")
        return work.collect()

    def _train(self, work: Work, version: DatasetVersion, settings: ForestSettings) -> None:
        files = [file for file in self.datasets.manifest(version).files if is_labelled(file)]
        if lack := _lacking([file.label for file in files]):
            work.notes.append(f"no model of {version.name}: {lack}")
            return
        split = self._split(work, version)
        if split is None:
            return
        triplets = {file.content_hash for file in files}
        found = batches_of(self.catalog, self.derivations, triplets)
        inputs = {
            train_step.MANIFEST: [version.manifest_hash],
            train_step.SPLIT: [split.content_hash],
            train_step.FEATURES: sorted({batch.features(work) for batch in found}),
        }
        made = work.derived(train_step.STEP, inputs, settings.to_json(), NAME)
        if made.refusal:
            work.notes.append(f"no model of {version.name}: {made.refusal}")
            return
        hashes = {
            "card_hash": made.output(train_step.CARD).content_hash,
            "split_hash": split.content_hash,
            "contact_sheet_hash": made.output(train_step.SHEET).content_hash,
        }
        work.keep(made, train_step.MODEL, _subject(), {"dataset": version.name, **hashes})

    def _split(self, work: Work, version: DatasetVersion) -> Split | None:
        """Return the strictest split that leaves enough; the notes say what is shared."""
        reasons = []
        for shared in _SHARED:
            try:
                split = self.datasets.split(version, _FRACTIONS, shared_steps=shared)
            except InvalidInputError as tied:
                reasons.append(tied.message)
                continue
            if not (lack := _too_little(split)):
                work.notes += [
                    f"both sides may share: {', '.join(shared)}",
                    *split.report.split("\n"),
                ]
                return split
            reasons.append(lack)
        work.notes.append(f"no model of {version.name}: {'; '.join(dict.fromkeys(reasons))}")
        return None


def _lacking(labels: Sequence[str | None]) -> str:
    real, bogus = labels.count(REAL), labels.count(BOGUS)
    if min(real, bogus) >= LEAST_OF_A_CLASS:
        return ""
    return (
        f"{real} triplets are labelled real and {bogus} bogus, and it takes {LEAST_OF_A_CLASS} of "
        "each: label some with astrid.labels, then materialise datasets again"
    )


def _too_little(split: Split) -> str:
    """Return what is wrong with the sides, or "": too much is held out, or a class is absent."""
    kept = sum(map(len, split.samples.values()))
    held = len(split.held_out_conflict)
    if kept < _LEAST_KEPT * (kept + held):
        return f"{held} of {kept + held} samples would tie both sides"
    for side, counted in split.balance.items():
        missing = [label for label in (REAL, BOGUS) if not counted.get(label)]
        if side in _FRACTIONS and missing:
            return f"the {side} side would have no {' and no '.join(missing)} triplet"
    return ""


def _subject() -> Item:
    """Return an item that is no observation."""
    return Item("", "", NAME, Summary(hdu_index=0, role=Role.TABLE, shape=(0, 0), bitpix=8))

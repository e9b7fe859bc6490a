"""Scores of detections by a model: tables of their own, beside the detections."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from astrid_sdk.catalog.search.finding import Found, Query, find
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.models.real_bogus import score_step
from astrid_sdk.models.real_bogus.batches import Batch
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.pipeline.parquet import read_parquet
from astrid_sdk.pipeline.work import Materialised, Work
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

ASSET = "scored_detections"
COLUMNS = ("detection_id", "confidence_score", "model_hash", "in_training", "night")


@dataclass(frozen=True, slots=True)
class Scoring:
    """Scores the detections of a store, and reads scores.

    Parameters
    ----------
    catalog : Catalog
    cas : ContentAddressedStorage
    derivations : Derivations
    """

    catalog: Catalog
    cas: ContentAddressedStorage
    derivations: Derivations

    def __call__(self, detections: Manifest, model: Manifest) -> Materialised:
        """Return the scores of a night's detections, an item for each difference image."""
        work = Work(self.derivations, ASSET, detections.partition)
        work.skipped.extend(detections.skipped)
        work.notes.extend(detections.notes)
        if not model.items:
            work.notes += ["no scores without a model", *model.notes]
            return work.collect()
        (known,) = model.items
        for item in detections.items:
            self._score(work, item, known, detections.partition)
        return work.collect()

    def table(self, night: str | None, model_hash: str | None) -> pd.DataFrame:
        """Return scores, of each difference image by the newest model that scored it."""
        rows = find(self.catalog, Query(tier=Tier.DETECTIONS, role=score_step.SCORES, night=night))
        tables = [(row, self._read(row)) for row in sorted(rows, key=lambda row: row.created_at)]
        newest = {
            (row.night, row.name): table
            for row, table in tables
            if model_hash is None or (table["model_hash"] == model_hash).any()
        }
        found: Sequence[pd.DataFrame] = [newest[place] for place in sorted(newest, key=str)]
        if not found:
            return pd.DataFrame(columns=list(COLUMNS))
        return pd.concat(found, ignore_index=True)

    def _score(self, work: Work, item: Item, model: Item, night: str) -> None:
        difference = str(item.details["difference_hash"])
        features = Batch(item.name, tuple(item.details["triplets"]), difference).features(work)
        inputs = {
            score_step.DETECTIONS: [item.content_hash],
            score_step.DIFFERENCE: [difference],
            score_step.FEATURES: [features],
            score_step.MODEL: [model.content_hash],
            score_step.CARD: [str(model.details["card_hash"])],
        }
        made = work.derive_or_skip(score_step.STEP, inputs, item, {"night": night})
        if made:
            shown = {"contact_sheet_hash": str(item.details["contact_sheet_hash"])}
            hashes = {"model_hash": model.content_hash, **shown}
            work.keep(made, score_step.SCORES, item, hashes)

    def _read(self, row: Found) -> pd.DataFrame:
        content = self.cas.retrieve_data(row.content_hash, tier=row.tier)
        frame: pd.DataFrame = read_parquet(content).to_pandas()
        return frame

"""A trained model into MLflow: a run with its numbers and pictures, then the registry."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.step import Inputs
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import ConflictError, NotFoundError, StorageUnavailableError
from astrid_sdk.models.logged_model import LoggedModel
from astrid_sdk.models.models import Models
from astrid_sdk.models.real_bogus import train_step
from astrid_sdk.models.real_bogus.batches import makers_of
from astrid_sdk.models.real_bogus.fitting import ForestSettings, forest_of
from astrid_sdk.models.real_bogus.model import RealBogusModel
from astrid_sdk.models.real_bogus.training import NAME
from astrid_sdk.models.registered_names import RegisteredNames
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage

REAL_BOGUS_HASH = "astrid.real_bogus_hash"


@dataclass(frozen=True, slots=True)
class Registration:
    """What became of a model in MLflow.

    Attributes
    ----------
    name : str
        Such as ``"real-bogus v2"``; "" where it is not registered.
    run_id, uri : str
        "" where it was registered before, or is not registered.
    reason : str
        Why it is not registered.
    """

    name: str = ""
    run_id: str = ""
    uri: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Registering:
    """Logs and registers trained models, each once.

    Parameters
    ----------
    catalog : Catalog
    cas : ContentAddressedStorage
    derivations : Derivations
    models : Models
    names : RegisteredNames
    """

    catalog: Catalog
    cas: ContentAddressedStorage
    derivations: Derivations
    models: Models
    names: RegisteredNames

    def __call__(self, made: Manifest) -> Registration:
        """Log and register the model that a manifest lists; where MLflow is away, say so."""
        if not made.items:
            return Registration(reason="there is no model")
        (item,) = made.items
        if known := self.names.versions_of([item.content_hash]).get(item.content_hash):
            return Registration(known[-1])
        try:
            logged = self._log(item)
            version = self.models.register(NAME, logged.uri)
        except StorageUnavailableError as away:
            again = "materialise the model again when it is back"
            return Registration(reason=f"MLflow is away ({away.message}): {again}")
        self.names.record(item.content_hash, NAME, version.version)
        return Registration(f"{NAME} v{version.version}", logged.run_id, version.uri)

    def _log(self, item: Item) -> LoggedModel:
        made = self._derivation(item.content_hash)
        numbers = {
            name: float(value)
            for name, value in made.facts.items()
            if isinstance(value, int | float)
        }
        hashes = {name: made.inputs[name] for name in (train_step.SPLIT, train_step.FEATURES)}
        with tempfile.TemporaryDirectory() as folder:
            return self.models.log(
                self._estimator(made),
                NAME,
                experiment=NAME,
                dataset=str(item.details["dataset"]),
                inputs={"real_bogus_model": [item.content_hash], **hashes},
                params=dict(made.parameters),
                metrics=numbers,
                tags={REAL_BOGUS_HASH: item.content_hash},
                artifacts=self._files(made, Path(folder)),
            )

    def _derivation(self, model_hash: str) -> Derivation:
        key = makers_of(self.catalog, [model_hash]).get(model_hash)
        made = self.derivations.find(key) if key else None
        if made is None:
            raise NotFoundError(f"nothing tells how the model {model_hash[:8]} was trained")
        return made

    def _estimator(self, made: Derivation) -> Any:
        """Return the model as scikit-learn has it: trained again, and checked to be the same.

        Raises
        ------
        ConflictError
            Training gives another forest here than where the model was made.
        """
        stored = RealBogusModel.from_bytes(self._read(made, train_step.MODEL))
        sides = train_step.Sides.of(Inputs(self.cas, made.inputs))
        estimator = sides.fitted(ForestSettings(**made.parameters))
        if forest_of(estimator) != (stored.forest, stored.calibration):
            raise ConflictError(
                f"training {NAME} again gives another forest here than where it was trained: "
                "register it there",
                kind="not_reproduced",
            )
        return estimator

    def _files(self, made: Derivation, folder: Path) -> Mapping[str, Path]:
        """Write the card, for people, and the figures; return where, by their names in the run."""
        card = json.loads(self._read(made, train_step.CARD))
        files = {"card.json": json.dumps(card, indent=2).encode()}
        files |= {f"{role}.png": self._read(made, role) for role in train_step.FIGURES}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return {f"{NAME}/{name}": folder / name for name in files}

    def _read(self, made: Derivation, role: str) -> bytes:
        output = made.output(role)
        return self.cas.retrieve_data(output.content_hash, tier=output.tier)

"""`RealBogus`: a model of the store's labelled triplets, and its scores of every detection."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.datasets.datasets import Datasets
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.models.models import Models
from astrid_sdk.models.real_bogus.fitting import ForestSettings
from astrid_sdk.models.real_bogus.model import RealBogusModel
from astrid_sdk.models.real_bogus.registering import Registering, Registration
from astrid_sdk.models.real_bogus.scoring import Scoring
from astrid_sdk.models.real_bogus.training import Training
from astrid_sdk.models.registered_names import RegisteredNames
from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.pipeline.work import Materialised
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

if TYPE_CHECKING:  # it takes a second to import
    import pandas as pd


class RealBogus:
    """The real/bogus model of one store. Made by a session, as `astrid.real_bogus`.

    Parameters
    ----------
    catalog : Catalog
    cas : ContentAddressedStorage
    derivations : Derivations
    datasets : Datasets
    models : callable
        Returns `Models`, which is only asked for to register.
    names : RegisteredNames
    """

    def __init__(
        self,
        catalog: Catalog,
        cas: ContentAddressedStorage,
        derivations: Derivations,
        datasets: Datasets,
        models: Callable[[], Models],
        names: RegisteredNames,
    ) -> None:
        self._catalog = catalog
        self._cas = cas
        self._derivations = derivations
        self._models = models
        self._names = names
        self._training = Training(catalog, derivations, datasets)
        self._scoring = Scoring(catalog, cas, derivations)

    def train(
        self, dataset: str | DatasetVersion, settings: ForestSettings | None = None
    ) -> Materialised:
        """Train on the triplets of a dataset version that are labelled ``real`` or ``bogus``.

        Metrics are those of the held-out side of a leak-free split. The same version gives the
        same model, which is not trained twice.

        Parameters
        ----------
        dataset : str or DatasetVersion
            Such as ``"transients"``, the newest version, or ``"transients@v2"``.
        settings : ForestSettings, optional

        Returns
        -------
        Materialised
            Its manifest lists the model; or nothing, and its notes say why.
        """
        return self._training(dataset, settings or ForestSettings())

    def register(self, made: Manifest) -> Registration:
        """Log what `train` made to MLflow and register it as ``real-bogus``, once."""
        names, models = self._names, self._models()
        return Registering(self._catalog, self._cas, self._derivations, models, names)(made)

    def score(self, detections: Manifest, model: Manifest) -> Materialised:
        """Score a night's detections.

        Parameters
        ----------
        detections : Manifest
            Of the asset ``detections``.
        model : Manifest
            Of `train`.
        """
        return self._scoring(detections, model)

    def scores(self, night: str | None = None, *, model_hash: str | None = None) -> "pd.DataFrame":
        """Return scores of the detections of one night, or of all.

        Parameters
        ----------
        night : str, optional
        model_hash : str, optional
            Scores by this model; by default by the newest that scored each image.

        Returns
        -------
        pandas.DataFrame
            ``detection_id confidence_score model_hash in_training night``; the score is 0 (bogus)
            to 1 (real), and missing where a detection was not cut out.
        """
        return self._scoring.table(night, model_hash)

    def load(self, model_hash: str) -> RealBogusModel:
        """Return the model that is stored under this hash.

        Raises
        ------
        NotFoundError, CorruptionError
            As `ContentAddressedStorage.retrieve_data`.
        """
        content = self._cas.retrieve_data(model_hash, tier=Tier.MODELS)
        return RealBogusModel.from_bytes(content)

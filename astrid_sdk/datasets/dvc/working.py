"""What pulling and tracking work with."""

from dataclasses import dataclass

from astrid_sdk.datasets.dvc.claims import Claims
from astrid_sdk.datasets.dvc.made import Versions
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage


@dataclass(frozen=True)
class Working:
    """The parts of one store.

    Parameters
    ----------
    cas : ContentAddressedStorage
    versions : Versions
    claims : Claims
    """

    cas: ContentAddressedStorage
    versions: Versions
    claims: Claims

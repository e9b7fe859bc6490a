"""The marker of a dataset version: the object whose creation commits it."""

import json
from datetime import datetime

from astrid_sdk.canonical import JsonValue
from astrid_sdk.datasets.history import Place
from astrid_sdk.datasets.versions import DatasetVersion
from astrid_sdk.errors import CorruptionError
from astrid_sdk.formats import read_versioned

FORMAT_VERSION = 2  # 1 had neither size, parents, git revision nor details; it is read
_OLDEST = 1
_ONLY_IN_THE_MARKER = "nonce"


def marker_of(version: DatasetVersion) -> dict[str, JsonValue]:
    """Return the marker of a version as JSON values."""
    return {
        "format_version": FORMAT_VERSION,
        **{name: getattr(version, name) for name in version.__slots__},
        "created_at": version.created_at.isoformat(),
        "details": dict(version.details),
    }


def read_marker(place: Place, content: bytes) -> DatasetVersion:
    """Return the version whose marker stands at `place`.

    Raises
    ------
    InvalidInputError
        It is of a later format version.
    CorruptionError
        What stands there is no marker, or another version's.
    """
    try:
        value = read_versioned(content, FORMAT_VERSION, "a dataset version", oldest=_OLDEST)
        value.pop(_ONLY_IN_THE_MARKER)
        value["created_at"] = datetime.fromisoformat(value["created_at"])
        version = DatasetVersion(**{**value, "parents": tuple(value.get("parents", ()))})
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(place) from error
    if (version.dataset_id, version.number) != place:
        raise _damaged(place)
    return version


def _damaged(place: Place) -> CorruptionError:
    dataset_id, number = place
    return CorruptionError(
        f"the marker of {dataset_id} v{number} does not hold what its name says: restore it from a "
        "copy of the bucket"
    )

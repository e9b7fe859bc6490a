"""Which files of a dataset are its samples."""

from collections.abc import Sequence

from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.roles import TRIPLET
from astrid_sdk.errors import InvalidInputError


def samples_of(manifest: DatasetManifest, roles: Sequence[str] = ()) -> list[DatasetFile]:
    """Return the files that are split, in the order of their paths.

    Parameters
    ----------
    manifest : DatasetManifest
    roles : sequence of str
        Wanted roles. Without them: files with a label where any has one, else triplets where
        there are any, else all files.

    Raises
    ------
    InvalidInputError
        No file is meant.
    """
    found = _meant(manifest.files, roles)
    if not found:
        known = ", ".join(sorted({file.role for file in manifest.files})) or "none"
        raise InvalidInputError(
            f"{manifest.dataset_id} has no file to split of role {', '.join(roles) or 'any'}: it "
            f"has {known}",
            kind="no_samples",
        )
    return sorted(found, key=lambda file: file.path)


def _meant(files: Sequence[DatasetFile], roles: Sequence[str]) -> list[DatasetFile]:
    if roles:
        return [file for file in files if file.role in roles]
    labelled = [file for file in files if file.label is not None]
    triplets = [file for file in files if file.role == TRIPLET]
    return labelled or triplets or list(files)

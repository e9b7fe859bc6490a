"""Links in a folder that is written to: nothing is written through them."""

from collections.abc import Iterable
from pathlib import Path

from astrid_sdk.errors import InvalidInputError


def refuse_linked_folders(root: Path, files: Iterable[Path]) -> None:
    """Refuse files below `root` with a link between it and them; `root` itself may be one.

    Raises
    ------
    InvalidInputError
        A folder on the way is a link (``kind="symlink"``).
    """
    folders = {file.parent for file in files}
    between = {each for folder in folders for each in (folder, *folder.parents)}
    for each in between:
        if root in each.parents and each.is_symlink():
            raise InvalidInputError(
                f"{each} is a link, and what lies behind it is not part of the dataset: remove "
                "the link, or choose another folder",
                kind="symlink",
            )

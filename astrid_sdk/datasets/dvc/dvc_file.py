"""The ``.dvc`` file beside a dataset: what DVC tracks, and which dataset of ours it is.

DVC leaves what stands under ``meta`` alone and keeps it: there we say whose the folder is, so that
it travels with git.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astrid_sdk.datasets.dvc.border import dvc_calls
from astrid_sdk.datasets.dvc.names import SUFFIX, is_dvc_hash
from astrid_sdk.datasets.dvc.trees import DIR, DvcTree
from astrid_sdk.datasets.dvc.writing import write_whole
from astrid_sdk.datasets.versions import DATASET_ID
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.source_files import reading

_OURS = "astrid"


@dataclass(frozen=True, slots=True)
class DvcFile:
    """What a ``.dvc`` file says.

    Attributes
    ----------
    dvc_hash : str
        What is tracked: ``<md5>.dir`` or an MD5; "" where it says none.
    files : int or None
    size_bytes : int or None
    remote : str
        The name of the remote it is pushed to; "" for the repository's default.
    dataset_id : str
        Which dataset of ours it is; "" where only DVC tracks it.
    token : str
        Of the dataset's claim.
    """

    dvc_hash: str
    files: int | None = None
    size_bytes: int | None = None
    remote: str = ""
    dataset_id: str = ""
    token: str = ""

    @classmethod
    def parse(cls, text: str, where: str) -> "DvcFile":
        """Read the text of a ``.dvc`` file.

        Raises
        ------
        InvalidInputError
            It is none, or tracks something else than one file or folder (``kind="dvc_file"``).
        """
        value = _loaded(text, where)
        out = _only_out(value, where)
        meta = value.get("meta")
        ours = meta.get(_OURS) if isinstance(meta, Mapping) else None
        ours = ours if isinstance(ours, Mapping) else {}
        dataset_id, dvc_hash = str(ours.get("dataset_id", "")), str(out.get("md5", ""))
        return cls(
            dvc_hash if is_dvc_hash(dvc_hash) else "",
            files=out.get("nfiles", 1),
            size_bytes=out.get("size"),
            remote=str(out.get("remote", "")),
            dataset_id=dataset_id if DATASET_ID.fullmatch(dataset_id) else "",
            token=str(ours.get("claim", "")),
        )

    @classmethod
    def beside(cls, path: Path) -> "DvcFile | None":
        """Return what the ``.dvc`` file of the folder or file at `path` says; None without one."""
        place = place_beside(path)
        with reading(place):
            is_there = place.is_file()
        if not is_there:
            return None
        return cls.parse(_text_of(place), str(place))


def place_beside(path: Path) -> Path:
    """Return where the ``.dvc`` file of `path` stands."""
    return path.with_name(path.name + SUFFIX)


def write_beside(path: Path, tree: DvcTree, size_bytes: int, said: DvcFile) -> bool:
    """Write the ``.dvc`` file of `path`; what others said in it stays. Return whether it changed.

    Parameters
    ----------
    path : Path
        The folder or file that is tracked.
    tree : DvcTree
    size_bytes : int
        Of all its files.
    said : DvcFile
        `dataset_id`, `token` and `remote` are taken from it.

    Raises
    ------
    InvalidInputError
        There is one that cannot be read, or it cannot be written.
    """
    place = place_beside(path)
    before = _text_of(place) if place.is_file() else ""
    value = _loaded(before, str(place)) if before else {"outs": [{}]}
    out = _only_out(value, str(place))
    _say(value, out, path.name, tree, size_bytes)
    out.pop("remote", None)
    if said.remote:
        out["remote"] = said.remote
    if said.dataset_id:
        meta = value.setdefault("meta", {})
        if not isinstance(meta, dict):
            raise _unreadable(str(place), "its meta is no mapping")
        meta[_OURS] = {"dataset_id": said.dataset_id, "claim": said.token}
    after = _dumped(value)
    if after != before:
        write_whole(place, after.encode())
    return after != before


def _say(
    value: dict[str, Any], out: dict[str, Any], name: str, tree: DvcTree, size_bytes: int
) -> None:
    value.pop("md5", None)  # of the file itself, in an older format
    out.update({"md5": tree.dvc_hash, "size": size_bytes, "hash": "md5", "path": name})
    if tree.dvc_hash.endswith(DIR):
        out["nfiles"] = len(tree.md5s)
    else:
        out.pop("nfiles", None)


def _loaded(text: str, where: str) -> dict[str, Any]:
    with dvc_calls(f"read {where}"):
        from dvc.utils.serialize import parse_yaml_for_update  # noqa: PLC0415 - dvc is slow to import

        value = parse_yaml_for_update(text, where)
    if not isinstance(value, dict):
        raise _unreadable(where, "it is no mapping")
    return value


def _dumped(value: dict[str, Any]) -> str:
    with dvc_calls("write a .dvc file"):
        from dvc.utils.serialize import dumps_yaml  # noqa: PLC0415 - as above

        text: str = dumps_yaml(value)
    return text


def _only_out(value: Mapping[str, Any], where: str) -> dict[str, Any]:
    outs = value.get("outs")
    if not isinstance(outs, list) or len(outs) != 1 or not isinstance(outs[0], dict):
        raise _unreadable(where, "it does not track one file or folder")
    if value.get("deps") or value.get("cmd") or value.get("wdir"):
        raise _unreadable(where, "it is a step of a pipeline, or an import")
    out: dict[str, Any] = outs[0]
    return out


def _text_of(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(str(place), str(error)) from error


def _unreadable(where: str, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{where} is not a .dvc file that dvc add could have made: {why}", kind="dvc_file"
    )

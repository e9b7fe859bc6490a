"""What DVC calls a version: the MD5 of its file, or of the list of its folder's files.

The MD5s of a version are kept beside it, so that any machine can push it without reading a byte:
``datasets/dvc-trees/<manifest_hash>.json`` (format version 1), and to find it by what DVC calls
it ``datasets/dvc-hashes/<dvc_hash>/<manifest_hash>.json``. Both are created once, by whoever comes
first: everybody writes the same.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from astrid_sdk.canonical import JsonValue, canonical_json
from astrid_sdk.errors import CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.formats import read_versioned
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import Get, Put
from astrid_sdk.tiers import Tier

FORMAT_VERSION = 1
DIR = ".dir"
_TREES = f"{Tier.DATASETS.value}/dvc-trees/"
_HASHES = f"{Tier.DATASETS.value}/dvc-hashes/"


@dataclass(frozen=True)
class DvcTree:
    """A file or a folder, as DVC names contents.

    Parameters
    ----------
    md5s : mapping of str to str
        Path in the dataset to the file's MD5, in hex.
    is_folder : bool
        False for a dataset that is one file.
    """

    md5s: Mapping[str, str]
    is_folder: bool = True

    @cached_property
    def content(self) -> bytes:
        """The object that lists a folder's files, byte by byte as DVC writes it."""
        rows = [{"md5": self.md5s[path], "relpath": path} for path in sorted(self.md5s)]
        return json.dumps(rows, sort_keys=True).encode()

    @cached_property
    def dvc_hash(self) -> str:
        """What DVC calls it: ``<md5>.dir``, or the MD5 of the one file."""
        if not self.is_folder:
            (md5,) = self.md5s.values()
            return md5
        return hashlib.md5(self.content, usedforsecurity=False).hexdigest() + DIR

    @classmethod
    def from_content(cls, content: bytes, dvc_hash: str) -> "DvcTree":
        """Return the folder that an object of DVC's lists.

        Raises
        ------
        CorruptionError
            It is not the object called `dvc_hash`.
        """
        if hashlib.md5(content, usedforsecurity=False).hexdigest() + DIR != dvc_hash:
            raise CorruptionError(
                f"the object {dvc_hash} of the remote does not hold what its name says; push it "
                "again from where it was made"
            )
        try:
            return cls({row["relpath"]: row["md5"] for row in json.loads(content)})
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise InvalidInputError(
                f"the object {dvc_hash} of the remote lists files in a way this release cannot "
                "read; use dvc pull"
            ) from error


class TreeStore:
    """The trees of the versions of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def keep(self, manifest_hash: str, tree: DvcTree) -> None:
        """Keep the tree of the version with this manifest."""
        value: dict[str, JsonValue] = {
            "format_version": FORMAT_VERSION,
            "dvc_hash": tree.dvc_hash,
            "is_folder": tree.is_folder,
            "md5s": dict(tree.md5s),
        }
        pointer = canonical_json({"format_version": FORMAT_VERSION})
        puts = [
            self._put(_tree_key(manifest_hash), canonical_json(value)),
            self._put(f"{_HASHES}{tree.dvc_hash}/{manifest_hash}.json", pointer),
        ]
        for outcome in self._storage.perform_many(puts):
            outcome.value()

    def find(self, manifest_hash: str) -> DvcTree | None:
        """Return the tree of the version with this manifest, if it is known."""
        return self.find_many([manifest_hash]).get(manifest_hash)

    def find_many(self, manifest_hashes: Iterable[str]) -> dict[str, DvcTree]:
        """Return the trees that are known, by manifest, read side by side.

        Raises
        ------
        CorruptionError
            What is kept is not what it says of itself.
        """
        places = {_tree_key(each): each for each in manifest_hashes}
        found: dict[str, DvcTree] = {}
        gets = [Get(bucket=self._bucket, key=key) for key in places]
        for outcome in self._storage.perform_many(gets) if gets else ():
            try:
                content = outcome.value().data
            except NotFoundError as error:
                if error.kind == "no_such_bucket":
                    raise
            else:
                found[places[outcome.operation.where]] = _tree(content, outcome.operation.where)
        return found

    def manifests_of(self, dvc_hash: str) -> list[str]:
        """Return the manifests whose versions DVC calls `dvc_hash`."""
        prefix = f"{_HASHES}{dvc_hash}/"
        keys = self._storage.list_files(self._bucket, prefix)
        return [key.removeprefix(prefix).removesuffix(".json") for key in keys]

    def _put(self, key: str, content: bytes) -> Put:
        return Put(
            bucket=self._bucket,
            key=key,
            data=content,
            content_type="application/json",
            create_only=True,
        )


def _tree_key(manifest_hash: str) -> str:
    return f"{_TREES}{manifest_hash}.json"


def _tree(content: bytes, key: str) -> DvcTree:
    try:
        value = read_versioned(content, FORMAT_VERSION, "what DVC calls a version")
        tree = DvcTree(value["md5s"], value["is_folder"])
        is_sound = tree.dvc_hash == value["dvc_hash"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, ValueError, TypeError) as error:
        raise _damaged(key) from error
    if not is_sound:
        raise _damaged(key)
    return tree


def _damaged(key: str) -> CorruptionError:
    return CorruptionError(
        f"{key} does not hold what it says of itself: delete it, and pushing the version writes it "
        "again"
    )

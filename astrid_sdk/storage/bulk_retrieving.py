"""Many blobs into a folder, side by side, each file complete or not there at all."""

import io
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astrid_sdk.canonical import sha256_hex
from astrid_sdk.errors import AstridError, InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import blob_folder, blob_key
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.hashing import SMALL_BYTES
from astrid_sdk.storage.keys import check_content_hash, check_key
from astrid_sdk.storage.looking import look_up
from astrid_sdk.storage.operations import Get, StoredObject
from astrid_sdk.storage.retrieving import BlobReader
from astrid_sdk.tiers import Tier


@dataclass(frozen=True, slots=True)
class BulkReader:
    """Reads many blobs of one bucket.

    Parameters
    ----------
    storage : ObjectStorage
    bucket : str
    reader : BlobReader
        For large ones, and for those that did not come through at once.
    """

    storage: ObjectStorage
    bucket: str
    reader: BlobReader

    def retrieve(
        self,
        paths: Mapping[Path, str],
        hint: Tier | None,
        progress: FileProgress | None,
    ) -> None:
        """Write the content that each of `paths` is to hold; the first failure is raised last.

        Raises
        ------
        NotFoundError, CorruptionError
            A content is not there, or no copy is sound. All others are written.
        """
        targets: dict[str, list[Path]] = {}
        for path, content_hash in paths.items():
            targets.setdefault(content_hash, []).append(path)
        first: AstridError | None = None
        done = 0
        for content_hash, error in self._each(targets, hint):
            first = first or error
            done += len(targets[content_hash])
            if progress is not None:
                progress(done, len(paths), targets[content_hash][0].name)
        if first is not None:
            raise first

    def _each(
        self, targets: Mapping[str, Sequence[Path]], hint: Tier | None
    ) -> Iterator[tuple[str, AstridError | None]]:
        """Write the small ones side by side, tier by tier, then the rest one by one."""
        rest = dict(targets)
        for tier in _from(hint):
            if not rest:
                break
            small = self._small(list(rest), tier)
            for outcome in self.storage.perform_many(self._gets(small)):
                content_hash = small[outcome.operation.where]
                if outcome.error is None and sha256_hex(outcome.value().data) == content_hash:
                    _write_all(rest.pop(content_hash), outcome.value().data)
                    yield content_hash, None
        for content_hash, paths in rest.items():
            yield content_hash, self._with_care(content_hash, paths, hint)

    def _small(self, content_hashes: Sequence[str], tier: Tier) -> dict[str, str]:
        """Return key and hash of those that this tier holds and that fit in memory."""
        keys = {blob_key(each, tier): each for each in content_hashes}
        there = look_up(self.storage, self.bucket, blob_folder(tier), list(keys))
        return {key: keys[key] for key, stored in there.items() if _is_small(stored)}

    def _gets(self, keys: Mapping[str, str]) -> Iterator[Get]:
        for key, content_hash in keys.items():
            yield Get(bucket=self.bucket, key=key, content_hash=content_hash)

    def _with_care(
        self, content_hash: str, paths: Sequence[Path], hint: Tier | None
    ) -> AstridError | None:
        try:
            for path in paths:
                self.reader.file(content_hash, path, hint, None)
        except AstridError as error:
            return error
        return None


def target_paths(contents: Iterable[str | tuple[str, str]], folder: Path) -> dict[Path, str]:
    """Return which file is to hold which content, and make the folders.

    Raises
    ------
    InvalidInputError
        A name leads out of `folder`, two contents have one name, or a folder cannot be made.
    """
    targets: dict[Path, str] = {}
    for each in contents:
        content_hash, name = (each, each) if isinstance(each, str) else each
        path = folder / check_key(name)
        if targets.setdefault(path, check_content_hash(content_hash)) != content_hash:
            raise InvalidInputError(
                f"two contents are to be called {name!r}; give each a name of its own",
                kind="same_name",
            )
    for parent in {path.parent for path in targets} | {folder}:
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(
                f"cannot make the folder {parent}: {error.strerror}; choose another"
            ) from error
    return targets


def _is_small(stored: StoredObject) -> bool:
    return stored.size_bytes <= SMALL_BYTES


def _from(hint: Tier | None) -> list[Tier]:
    return list(Tier) if hint is None else list(dict.fromkeys([hint, *Tier]))


def _write_all(paths: Sequence[Path], data: bytes) -> None:
    for path in paths:
        _write(path, data)


def _write(path: Path, data: bytes) -> None:
    """Write a file as a whole: under another name first."""
    temporary = f"{path}.{secrets.token_hex(8)}.part"
    try:
        try:
            with io.FileIO(temporary, "xb") as file:
                rest = memoryview(data)
                while rest:  # a disk that is all but full takes a piece before it refuses
                    rest = rest[file.write(rest) :]
            os.replace(temporary, path)  # noqa: PTH105 - thousands of them: no path is parsed
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidInputError(
            f"cannot write {path}: {error.strerror}; what was there is as it was"
        ) from error

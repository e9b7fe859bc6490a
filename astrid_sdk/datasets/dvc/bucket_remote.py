"""A remote in a bucket that our own client reaches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from astrid_sdk.datasets.dvc.remotes import (
    FILES,
    MEDIA_TYPE,
    Content,
    FirstError,
    Remote,
    absent,
    check_md5,
    counted,
    damaged,
    name_at,
    paths_by_name,
    place_of,
)
from astrid_sdk.datasets.dvc.writing import md5_of_file, replacing, write_whole
from astrid_sdk.errors import AstridError, NotFoundError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.blobs import blob_key
from astrid_sdk.storage.bulk_items import FileProgress
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.storage.hashing import SMALL_BYTES
from astrid_sdk.storage.operations import Copy, Get
from astrid_sdk.tiers import Tier

_MOST_COPIED_BYTES = 5 << 30
"""S3 and R2 copy no more with one request."""


@dataclass(frozen=True)
class BucketRemote(Remote):
    """DVC's objects below a prefix.

    Parameters
    ----------
    storage : ObjectStorage
    bucket, prefix : str
        Where they stand; `prefix` may be empty.
    home_bucket : str
        Where our blobs are. In the same bucket objects are copied in the store itself.
    cas : ContentAddressedStorage
    """

    storage: ObjectStorage
    bucket: str
    prefix: str
    home_bucket: str
    cas: ContentAddressedStorage

    @override
    def describe(self) -> str:
        return f"bucket {self.bucket!r}, {self.prefix!r}, in {self.storage.describe()}"

    @override
    def holdings(self) -> dict[str, int]:
        start = self._key(FILES) + "/"
        listed = self.storage.list_objects(self.bucket, start)
        return {name_at(found.key.removeprefix(start)): found.size_bytes for found in listed}

    @override
    def add(self, contents: Sequence[Content], progress: FileProgress | None) -> None:
        one_more, errors = counted(progress, len(contents)), FirstError()
        is_home = self.bucket == self.home_bucket
        copied = [each for each in contents if is_home and each.size_bytes < _MOST_COPIED_BYTES]
        elsewhere = self._copy(copied, one_more) if copied else []
        sent = {each.md5 for each in copied} - {each.md5 for each in elsewhere}
        for content in (each for each in contents if each.md5 not in sent):
            with errors.kept():
                self._send(content)
                one_more(content.md5)
        errors.settle()

    @override
    def add_listing(self, name: str, content: bytes) -> None:
        self.storage.upload_file(self.bucket, self._key(place_of(name)), content, MEDIA_TYPE)

    @override
    def read(self, name: str) -> bytes:
        try:
            return self.storage.download_file(self.bucket, self._key(place_of(name)))
        except NotFoundError as error:
            raise absent(name, self.describe()) from error

    @override
    def fetch(self, wanted: Mapping[Path, str], progress: FileProgress | None) -> None:
        there = self.holdings()
        paths, errors = paths_by_name(wanted), FirstError()
        one_more = counted(progress, len(paths))
        small = [name for name in paths if there.get(name, SMALL_BYTES + 1) <= SMALL_BYTES]
        names = {self._key(place_of(name)): name for name in small}
        for outcome in self.storage.perform_many(self._gets(list(names))):
            name = names[outcome.operation.where]
            with errors.kept():
                content = check_md5(outcome.value().data, name, self.describe())
                for path in paths[name]:
                    write_whole(path, content)
                one_more(name)
        for name in paths.keys() - set(small):
            with errors.kept():
                self._fetch_large(name, paths[name], is_there=name in there)
                one_more(name)
        errors.settle()

    def _gets(self, keys: Sequence[str]) -> Iterator[Get]:
        return (Get(bucket=self.bucket, key=key) for key in keys)

    def _fetch_large(self, name: str, paths: Sequence[Path], *, is_there: bool) -> None:
        if not is_there:
            raise absent(name, self.describe())
        for path in paths:
            with replacing(path) as temporary:
                self.storage.download_to(self.bucket, self._key(place_of(name)), temporary)
                if md5_of_file(temporary) != name:
                    raise damaged(name, self.describe())

    def _copy(self, contents: Sequence[Content], one_more: Callable[[str], None]) -> list[Content]:
        """Copy blobs in the store; return those that do not stand where they were thought to."""
        by_key = {self._key(place_of(content.md5)): content for content in contents}
        elsewhere: list[Content] = []
        first: AstridError | None = None
        for outcome in self.storage.perform_many(self._copies(by_key)):
            content = by_key[outcome.operation.where]
            if isinstance(outcome.error, NotFoundError) and outcome.error.kind == "not_found":
                elsewhere.append(content)
            elif outcome.error is not None:
                first = first or outcome.error
            else:
                one_more(content.md5)
        if first is not None:
            raise first
        return elsewhere

    def _copies(self, contents: Mapping[str, Content]) -> Iterator[Copy]:
        for key, content in contents.items():
            source = blob_key(content.content_hash, Tier.parse(content.tier))
            yield Copy(bucket=self.bucket, key=key, source_key=source, confirm=False)

    def _send(self, content: Content) -> None:
        """Read a blob, verified, and write it as an object: what a copy cannot do."""
        key = self._key(place_of(content.md5))
        if content.size_bytes <= SMALL_BYTES:
            data = self.cas.retrieve_data(content.content_hash, tier=content.tier)
            self.storage.upload_file(
                self.bucket, key, data, MEDIA_TYPE, content_hash=content.content_hash
            )
            return
        pieces = self.cas.retrieve_stream(content.content_hash, tier=content.tier)
        self.storage.upload_source(
            self.bucket, key, pieces, MEDIA_TYPE, content_hash=content.content_hash
        )

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

"""A store around a store: the base of every behaviour that is added by wrapping."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from typing_extensions import override

from astrid_sdk.storage.base import ObjectStorage, TableLocation
from astrid_sdk.storage.capabilities import Capabilities
from astrid_sdk.storage.operations import Operation, Outcome

ResultT = TypeVar("ResultT")


class WrapperStorage(ObjectStorage):
    """Hands every operation on to the store inside.

    Behaviours override `perform` and `perform_many`.

    Parameters
    ----------
    inner : ObjectStorage
    """

    def __init__(self, inner: ObjectStorage) -> None:
        self.inner = inner

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    @property
    @override
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        return self.inner.perform(operation)

    @override
    def perform_many(self, operations: Iterable[Operation[ResultT]]) -> Iterator[Outcome[ResultT]]:
        return self.inner.perform_many(operations)

    @override
    def describe(self) -> str:
        return self.inner.describe()

    @override
    def table_location(self, bucket: str, name: str) -> TableLocation:
        return self.inner.table_location(bucket, name)

    @override
    def presign_get(self, bucket: str, key: str, *, expires_s: int = 3600) -> str:
        return self.inner.presign_get(bucket, key, expires_s=expires_s)

    @override
    def presign_put(
        self, bucket: str, key: str, *, content_type: str, expires_s: int = 3600
    ) -> str:
        return self.inner.presign_put(bucket, key, content_type=content_type, expires_s=expires_s)

    @override
    def set_lifecycle(
        self, bucket: str, *, expire_days: Mapping[str, int], abort_uploads_days: int = 7
    ) -> None:
        self.inner.set_lifecycle(
            bucket, expire_days=expire_days, abort_uploads_days=abort_uploads_days
        )

    @override
    def set_cors(self, bucket: str, origins: Sequence[str]) -> None:
        self.inner.set_cors(bucket, origins)

    @override
    def close(self) -> None:
        self.inner.close()

"""The plan for each operation on an S3 server."""

from collections.abc import Callable
from typing import Any

from astrid_sdk.storage import refusals, s3_answers
from astrid_sdk.storage.http_engine import TransportError
from astrid_sdk.storage.operations import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    Copy,
    CreateBucket,
    Delete,
    Get,
    Head,
    ListPage,
    ListUploads,
    Operation,
    Put,
    UploadPart,
)
from astrid_sdk.storage.responses import attempt_of, unanswered, unreadable
from astrid_sdk.storage.s3_parts import PartsPlans
from astrid_sdk.storage.s3_reading import Steps
from astrid_sdk.storage.s3_writing import WritingPlans


class S3Plans(WritingPlans, PartsPlans):
    """A plan for every operation: a generator for `HttpEngine`."""

    def plan(self, operation: Operation[Any]) -> Steps:
        """Return the plan that carries `operation` out."""
        make = _PLANS.get(type(operation))
        if make is None:
            raise refusals.unknown_operation(self.store, operation)
        attempt = attempt_of(operation, self.store)
        try:
            result = yield from make(self, operation, attempt)
        except TransportError as error:
            raise unanswered(attempt, error) from None
        except s3_answers.UnreadableError as error:
            raise unreadable(attempt, error.what) from None
        return result


_PLANS: dict[type[Operation[Any]], Callable[..., Steps]] = {
    Put: S3Plans.put,
    Get: S3Plans.get,
    Head: S3Plans.head,
    Delete: S3Plans.delete,
    Copy: S3Plans.copy,
    ListPage: S3Plans.list_page,
    BeginUpload: S3Plans.begin,
    UploadPart: S3Plans.part,
    CompleteUpload: S3Plans.complete,
    AbortUpload: S3Plans.abort,
    ListUploads: S3Plans.uploads,
    CreateBucket: S3Plans.create_bucket,
}

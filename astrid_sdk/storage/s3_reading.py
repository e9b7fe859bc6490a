"""What is said to an S3 server to read, and what of its answers is believed."""

import hashlib
from collections.abc import Generator
from typing import Any, TypeAlias

from astrid_sdk.errors import AstridError
from astrid_sdk.storage import refusals, s3_answers
from astrid_sdk.storage.http_message import HttpAnswer, HttpRequest
from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
    CompleteUpload,
    Fetched,
    Get,
    Head,
    ListPage,
    Page,
    Put,
    StoredObject,
)
from astrid_sdk.storage.responses import answered, mangled, unreadable
from astrid_sdk.storage.s3_requests import S3Requests
from astrid_sdk.storage.s3_sameness import EtagKind, Identity
from astrid_sdk.storage.verdicts import Attempt

Steps: TypeAlias = Generator[HttpRequest, HttpAnswer, Any]

OK, NO_CONTENT, PARTIAL = 200, 204, 206
NOT_FOUND, CONFLICT, CHANGED, UNMET = 404, 409, 412, 416


class ReadingPlans:
    """Plans that change nothing, and what all plans are made with.

    Parameters
    ----------
    requests : S3Requests
        Makes signed requests.
    store : str
        How messages name the store.
    etags : EtagKind
        What is known of this server's version marks; learned as answers come.
    """

    def __init__(self, requests: S3Requests, store: str, etags: EtagKind) -> None:
        self.requests = requests
        self.store = store
        self.etags = etags
        self.part_etags = EtagKind()  # a server's parts may have marks of another kind

    def refused(self, attempt: Attempt, answer: HttpAnswer) -> AstridError:
        """Return our error for an answer that is none of success."""
        code = s3_answers.error_code(answer)
        if answer.status == NOT_FOUND and not code:  # a page of something before the store
            return unreadable(attempt, "a reason that a store would give")
        return answered(attempt, answer.status, code, answer.headers.get("retry-after", ""))

    def get(self, get: Get, attempt: Attempt) -> Steps:
        """Read a whole object or a range of it."""
        if get.stop is not None and get.stop <= get.start:
            found = yield from self.look(get.bucket, get.key)
            return self._nothing_of(get, found)
        headers = {} if get.is_whole else {"range": _range_header(get)}
        if get.etag is not None:
            headers["if-match"] = f'"{get.etag}"'
        answer: HttpAnswer = yield self.requests.make(
            "GET", get.bucket, get.key, headers=headers, into=get.into
        )
        if answer.status == UNMET:
            return (yield from self._behind_the_end(get, attempt))
        if answer.status == CHANGED:
            raise refusals.changed(self.store, get.bucket, get.key)
        if answer.status not in {OK, PARTIAL}:
            raise self._not_read(get, attempt, answer)
        if answer.status == PARTIAL and not get.is_whole:
            return self._partial(get, answer)
        if answer.status == PARTIAL or not _is_covered(get, answer):
            raise unreadable(attempt, "the range that was asked for")
        return self._whole(get, answer, attempt)

    def _whole(self, get: Get, answer: HttpAnswer, attempt: Attempt) -> Fetched:
        found = s3_answers.object_of(get.key, answer, len(answer.body))
        self._check_version(get, found)
        recorded = found.user_metadata.get(CONTENT_HASH_METADATA)
        refusals.check_whole(self.store, get, answer.body, recorded)
        is_checked = get.content_hash is not None or recorded is not None
        if not is_checked and self.etags.contradicts(found.etag, answer.body):
            raise mangled(attempt, "the bytes are not those of the version mark")
        return Fetched(answer.body[get.start : get.stop], found)

    def _partial(self, get: Get, answer: HttpAnswer) -> Fetched:
        start, stop, size_bytes = s3_answers.range_of(answer)
        length = answer.into_bytes or len(answer.body)
        wanted = size_bytes if get.stop is None else min(get.stop, size_bytes)
        if (start, stop) != (get.start, wanted) or length != stop - start:
            raise s3_answers.UnreadableError("the range that was asked for")
        found = s3_answers.object_of(get.key, answer, size_bytes)
        self._check_version(get, found)
        return Fetched(answer.body, found)

    def _check_version(self, get: Get, found: StoredObject) -> None:
        if get.etag is not None and found.etag != get.etag:
            raise refusals.changed(self.store, get.bucket, get.key)

    def _behind_the_end(self, get: Get, attempt: Attempt) -> Steps:
        found = yield from self.look(get.bucket, get.key)
        if found is not None and get.start < found.size_bytes:
            raise unreadable(attempt, "the range that was asked for")
        return self._nothing_of(get, found)

    def _nothing_of(self, get: Get, found: StoredObject | None) -> Fetched:
        if found is None:
            raise refusals.not_found(self.store, get.bucket, get.key)
        self._check_version(get, found)
        return Fetched(b"", found)

    def _not_read(self, get: Get, attempt: Attempt, answer: HttpAnswer) -> AstridError:
        code = s3_answers.error_code(answer)
        if code in {"NoSuchKey", "NoSuchVersion"}:
            return refusals.not_found(self.store, get.bucket, get.key)
        return self.refused(attempt, answer)

    def head(self, head: Head, _attempt: Attempt) -> Steps:
        """Look an object up."""
        return (yield from self.look(head.bucket, head.key))

    def look(self, bucket: str, key: str) -> Steps:
        """Return what is known of an object; None where it is surely not there."""
        answer: HttpAnswer = yield self.requests.make("HEAD", bucket, key)
        if answer.status == NOT_FOUND:
            yield from self._check_missing(bucket, key, answer)
            return None
        if answer.status != OK:
            raise self.refused(self._looking(bucket, key), answer)
        return s3_answers.object_of(key, answer)

    def look_back(self, bucket: str, key: str) -> Steps:
        """Look after writing: what goes wrong here leaves open whether that took effect."""
        try:
            return (yield from self.look(bucket, key))
        except AstridError as error:
            error.wrote = None
            raise

    def _check_missing(self, bucket: str, key: str, answer: HttpAnswer) -> Steps:
        """Ask again in a way that has a body where a page for people may have said "not found"."""
        if not s3_answers.is_html(answer):
            return
        asked: HttpAnswer = yield self.requests.make(
            "GET", bucket, key, headers={"range": "bytes=0-0"}
        )
        if asked.status != NOT_FOUND or not s3_answers.error_code(asked):
            raise unreadable(self._looking(bucket, key), "a reason that a store would give")

    def _looking(self, bucket: str, key: str) -> Attempt:
        return Attempt("look up", refusals.place(self.store, bucket, key))

    def list_page(self, page: ListPage, attempt: Attempt) -> Steps:
        """Return one page of a listing."""
        after = page.token or page.start_after
        query = {
            "list-type": "2",
            "prefix": page.prefix,
            "max-keys": str(page.limit),
            "encoding-type": "url",
        }
        if after:
            query["start-after"] = after
        answer: HttpAnswer = yield self.requests.make("GET", page.bucket, "", query=query)
        if answer.status != OK:
            raise self.refused(attempt, answer)
        found: Page = s3_answers.page_of(answer, page.bucket, page.prefix, after)
        return found

    def reads_back(self, bucket: str, found: StoredObject, identity: Identity) -> Steps:
        """Read the object and return whether it holds the bytes of `identity`."""
        answer: HttpAnswer = yield self.requests.make("GET", bucket, found.key)
        if answer.status != OK:
            return False
        return hashlib.sha256(answer.body).hexdigest() == identity.sha256


def conditions(operation: Put | CompleteUpload) -> dict[str, str]:
    """Return the headers that carry the condition of a write."""
    if operation.create_only:
        return {"if-none-match": "*"}
    if operation.replace_etag is not None:
        return {"if-match": f'"{operation.replace_etag}"'}
    return {}


def _range_header(get: Get) -> str:
    return f"bytes={get.start}-{'' if get.stop is None else get.stop - 1}"


def _is_covered(get: Get, answer: HttpAnswer) -> bool:
    """Return whether a whole answer may stand for what was asked for."""
    return get.start == 0 and (get.stop is None or len(answer.body) <= get.stop)

"""What is said to an S3 server to upload in parts."""

import hashlib
from collections.abc import Sequence

from astrid_sdk.storage import refusals, s3_answers
from astrid_sdk.storage.http_message import HttpAnswer
from astrid_sdk.storage.operations import (
    CONTENT_HASH_METADATA,
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListUploads,
    PartialUpload,
    StoredObject,
    UploadedPart,
    UploadPart,
    Written,
)
from astrid_sdk.storage.responses import mangled, not_kept, unreadable
from astrid_sdk.storage.s3_reading import (
    CHANGED,
    NO_CONTENT,
    OK,
    ReadingPlans,
    Steps,
    conditions,
)
from astrid_sdk.storage.s3_requests import metadata_headers
from astrid_sdk.storage.s3_sameness import is_of_another
from astrid_sdk.storage.verdicts import Attempt


class PartsPlans(ReadingPlans):
    """Plans for large uploads."""

    def begin(self, begin: BeginUpload, attempt: Attempt) -> Steps:
        """Begin an upload and return it."""
        headers = {"content-type": begin.content_type}
        headers |= metadata_headers(begin.user_metadata, begin.content_hash)
        answer: HttpAnswer = yield self.requests.make(
            "POST", begin.bucket, begin.key, query={"uploads": ""}, headers=headers
        )
        if answer.status != OK or s3_answers.error_code(answer):
            raise self.refused(attempt, answer)
        upload_id = s3_answers.upload_id_of(answer, begin.key)
        return PartialUpload(begin.bucket, begin.key, upload_id, begin.part_bytes)

    def part(self, part: UploadPart, attempt: Attempt) -> Steps:
        """Send one part and return its mark."""
        refusals.check_part(self.store, part.upload, part.number, part.data)
        sha256 = part.content_hash or hashlib.sha256(part.data).hexdigest()
        query = {"partNumber": str(part.number), "uploadId": part.upload.upload_id}
        answer: HttpAnswer = yield self.requests.make(
            "PUT", part.bucket, part.upload.key, query=query, body=part.data, sha256=sha256
        )
        if answer.status != OK:
            raise self.refused(attempt, answer)
        etag = s3_answers.etag_of(answer)
        if not etag:
            raise unreadable(attempt, "the part's mark")
        # While the kind of marks is not known, one part is enough to learn it from.
        is_telling = self.part_etags.is_settled or part.number == 1
        if is_telling and self.part_etags.contradicts(etag, part.data):
            raise mangled(attempt, "the part's mark is that of other bytes")
        return UploadedPart(part.number, etag, len(part.data), sha256)

    def complete(self, complete: CompleteUpload, attempt: Attempt) -> Steps:
        """Make the object, and make sure that it is there."""
        upload = complete.upload
        refusals.check_order(self.store, upload, complete.parts)
        if complete.create_only or complete.replace_etag is not None:
            # Some servers pass over a condition here: it is looked at before, too.
            before = yield from self.look(upload.bucket, upload.key)
            standing = None if before is None else before.etag
            if standing != complete.replace_etag:
                written = self._settled(complete, before)
                yield from self.abort(AbortUpload(bucket=upload.bucket, upload=upload), attempt)
                return written
        answer: HttpAnswer = yield self.requests.make(
            "POST",
            upload.bucket,
            upload.key,
            query={"uploadId": upload.upload_id},
            headers=conditions(complete),
            body=_parts_xml(complete.parts),
        )
        code = s3_answers.error_code(answer)
        if answer.status == CHANGED or code in {"NoSuchUpload", "PreconditionFailed"}:
            return (yield from self._settle_upload(complete, attempt, answer))
        if answer.status != OK or code:
            raise self.refused(attempt, answer)
        s3_answers.result_etag_of(answer, "CompleteMultipartUploadResult")
        found = yield from self.look_back(upload.bucket, upload.key)
        if found is None or found.size_bytes != _size_of(complete.parts):
            raise not_kept(attempt, "it is not there as it was sent")
        return (yield from self._confirmed(complete, found, attempt, is_new=True))

    def _confirmed(
        self, complete: CompleteUpload, found: StoredObject, attempt: Attempt, *, is_new: bool
    ) -> Steps:
        """Acknowledge the object that this upload became, if it holds what was sent."""
        if not (yield from self._is_whole(found, complete)):
            if is_of_another(found, complete.content_hash):
                raise not_kept(attempt, "another object is there")
            yield from self._unmake(found, complete)
            raise mangled(attempt, "other bytes are there", is_transient=False)
        return Written(complete.upload.key, found.etag, is_new=is_new)

    def _is_whole(self, found: StoredObject, complete: CompleteUpload) -> Steps:
        """Return whether the object is made of the parts that were sent, as far as can be told."""
        if self.part_etags.is_settled or not complete.parts[0].content_hash:
            return not self.part_etags.contradicts_parts(found.etag, complete.parts)
        # The first part's mark was no MD5 of it, so one of the two is wrong: it is read back.
        first = complete.parts[0]
        answer: HttpAnswer = yield self.requests.make(
            "GET",
            complete.bucket,
            found.key,
            headers={"range": f"bytes=0-{first.size_bytes - 1}"},
        )
        body = answer.body[: first.size_bytes]
        if hashlib.sha256(body).hexdigest() != first.content_hash:
            return False
        self.part_etags.are_opaque()
        return True

    def _unmake(self, found: StoredObject, complete: CompleteUpload) -> Steps:
        """Delete what was just made of other bytes: its metadata would vouch for them."""
        standing = yield from self.look(complete.bucket, found.key)
        if standing is not None and standing.etag == found.etag:
            yield self.requests.make("DELETE", complete.bucket, found.key)

    def _settle_upload(
        self, complete: CompleteUpload, attempt: Attempt, answer: HttpAnswer
    ) -> Steps:
        """Tell our own earlier try that landed from somebody else's object."""
        found = yield from self.look(complete.upload.bucket, complete.upload.key)
        is_unmet = answer.status == CHANGED or (
            s3_answers.error_code(answer) == "PreconditionFailed"
        )
        if is_unmet:
            return self._settled(complete, found)
        if found is None or not self._is_ours(found, complete):
            raise self.refused(attempt, answer)
        # Parts of another size may have made it since, of the same bytes: then marks of parts
        # tell nothing, but the first part read back does.
        if self.part_etags.is_settled:
            return Written(complete.upload.key, found.etag, is_new=False)
        return (yield from self._confirmed(complete, found, attempt, is_new=False))

    def _settled(self, complete: CompleteUpload, found: StoredObject | None) -> Written:
        if found is not None and self._is_ours(found, complete):
            return Written(complete.upload.key, found.etag, is_new=False)
        raise refusals.conflict(self.store, complete, complete.upload.key)

    def _is_ours(self, found: StoredObject, complete: CompleteUpload) -> bool:
        if found.size_bytes != _size_of(complete.parts):
            return False
        recorded = found.user_metadata.get(CONTENT_HASH_METADATA)
        if complete.content_hash is not None and recorded is not None:
            return recorded == complete.content_hash
        return self.part_etags.is_of_parts(found.etag, complete.parts)

    def abort(self, abort: AbortUpload, attempt: Attempt) -> Steps:
        """Give the upload up."""
        upload = abort.upload
        answer: HttpAnswer = yield self.requests.make(
            "DELETE", upload.bucket, upload.key, query={"uploadId": upload.upload_id}
        )
        if answer.status in {OK, NO_CONTENT}:
            return True
        if s3_answers.error_code(answer) in {"NoSuchUpload", "NoSuchBucket"}:
            return False
        raise self.refused(attempt, answer)

    def uploads(self, listing: ListUploads, attempt: Attempt) -> Steps:
        """Return the uploads under way, all pages."""
        begun: list[PartialUpload] = []
        markers = ("", "")
        while True:
            query = {"uploads": "", "prefix": listing.prefix}
            if any(markers):
                query |= {"key-marker": markers[0], "upload-id-marker": markers[1]}
            answer: HttpAnswer = yield self.requests.make("GET", listing.bucket, "", query=query)
            if answer.status != OK:
                raise self.refused(attempt, answer)
            found, following = s3_answers.uploads_of(answer, listing.bucket)
            begun += found
            if not any(following):
                return begun
            if following == markers:
                raise unreadable(attempt, "a list of uploads that goes on")
            markers = following


def _size_of(parts: Sequence[UploadedPart]) -> int:
    return sum(part.size_bytes for part in parts)


def _parts_xml(parts: Sequence[UploadedPart]) -> bytes:
    lines = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{part.etag}&quot;</ETag></Part>"
        for part in parts
    )
    return f"<CompleteMultipartUpload>{lines}</CompleteMultipartUpload>".encode()

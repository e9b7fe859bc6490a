"""What is said to an S3 server to write and delete whole objects.

Whatever an answer leaves open is settled by looking (HEAD, or reading the object back) before
anything is acknowledged or denied.
"""

import dataclasses
from base64 import b64encode
from binascii import unhexlify

from astrid_sdk.storage import refusals, s3_answers
from astrid_sdk.storage.http_engine import TransportError
from astrid_sdk.storage.http_message import HttpAnswer, HttpRequest
from astrid_sdk.storage.operations import Copy, CreateBucket, Delete, Put, StoredObject, Written
from astrid_sdk.storage.responses import answered, mangled, not_kept, unanswered, unreadable
from astrid_sdk.storage.s3_reading import (
    CHANGED,
    CONFLICT,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    ReadingPlans,
    Steps,
    conditions,
)
from astrid_sdk.storage.s3_requests import metadata_headers
from astrid_sdk.storage.s3_sameness import Identity, is_of_another
from astrid_sdk.storage.verdicts import Attempt

_OURS_ALREADY = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class WritingPlans(ReadingPlans):
    """Plans for whole objects and buckets."""

    def put(self, put: Put, attempt: Attempt) -> Steps:
        """Write an object, and make sure that it is there."""
        identity = Identity(put.data, put.content_hash)
        answer: HttpAnswer = yield self._sending(put, identity)
        is_conditional = put.create_only or put.replace_etag is not None
        if answer.status in {CHANGED, NOT_FOUND} and is_conditional:
            return (yield from self._settle(put, identity, attempt, answer))
        etag = self._mark_of(answer, attempt)
        if put.confirm or not self.etags.is_good(etag, identity):
            found = yield from self.look_back(put.bucket, put.key)
            if not (yield from self._is_kept(put, identity, found, attempt)):
                if is_of_another(found, identity.sha256) and not is_conditional:
                    return (yield from self._write_over(put, identity, found, etag, attempt))
                return (yield from self._mend(put, found, attempt))
            etag = found.etag
        return Written(put.key, etag)

    def _sending(self, put: Put, identity: Identity) -> HttpRequest:
        """Return the request that carries an object."""
        headers = {
            "content-type": put.content_type,
            "x-amz-checksum-sha256": b64encode(unhexlify(identity.sha256)).decode(),
            **metadata_headers(put.user_metadata, identity.sha256),
            **conditions(put),
        }
        if self.etags.may_be_md5:
            headers["content-md5"] = b64encode(identity.md5).decode()
        return self.requests.make(
            "PUT", put.bucket, put.key, headers=headers, body=put.data, sha256=identity.sha256
        )

    def _mark_of(self, answer: HttpAnswer, attempt: Attempt) -> str:
        """Return the version mark of what was taken."""
        if answer.status != OK:
            raise self.refused(attempt, answer)
        etag = s3_answers.etag_of(answer)
        if not etag:
            raise unreadable(attempt, "the object's version mark")
        return etag

    def _mend(self, put: Put, found: StoredObject, attempt: Attempt) -> Steps:
        """Write over what arrived mangled: where only creating was allowed, nobody else could."""
        if not put.create_only:
            raise mangled(attempt, "other bytes are there")
        again = dataclasses.replace(put, create_only=False, replace_etag=found.etag)
        return (yield from self.put(again, attempt))

    def _write_over(
        self, put: Put, identity: Identity, standing: StoredObject, etag: str, attempt: Attempt
    ) -> Steps:
        """Write over another writer's object that stands where ours was acknowledged.

        It came after ours, or ours was never kept, and nothing there tells which. So ours is sent
        again, over just that version. Where somebody changes it meanwhile, the order "ours, then
        theirs" is true of all that can be seen; where it stands as before, the store did not keep
        what it acknowledged.
        """
        again = dataclasses.replace(put, replace_etag=standing.etag)
        answer: HttpAnswer = yield self._sending(again, identity)
        if answer.status == CHANGED or s3_answers.error_code(answer) == "NoSuchKey":
            return Written(put.key, etag)
        etag = self._mark_of(answer, attempt)
        found = yield from self.look_back(put.bucket, put.key)
        if (yield from self._is_kept(put, identity, found, attempt)):
            return Written(put.key, found.etag)
        if found.etag == standing.etag or not is_of_another(found, identity.sha256):
            raise mangled(attempt, "other bytes are there")
        return Written(put.key, etag)

    def _is_kept(
        self, put: Put, identity: Identity, found: StoredObject | None, attempt: Attempt
    ) -> Steps:
        """Return whether what stands there is what was sent; the store must have something."""
        if found is None:
            raise not_kept(attempt, "it is not there")
        if found.size_bytes != identity.size_bytes:
            return False
        if self.etags.is_good(found.etag, identity):
            return True
        if self.etags.says_other(found.etag):
            return False
        # The mark is no MD5 of ours: either this server's never are, or the bytes are not.
        if not (yield from self.reads_back(put.bucket, found, identity)):
            return False
        self.etags.are_opaque()
        return True

    def _settle(self, put: Put, identity: Identity, attempt: Attempt, answer: HttpAnswer) -> Steps:
        """Tell our own earlier try that landed from somebody else's object."""
        found = yield from self.look(put.bucket, put.key)
        if found is None:
            code = s3_answers.error_code(answer)
            if put.replace_etag is not None and code != "NoSuchBucket":
                raise refusals.changed(self.store, put.bucket, put.key)
            if answer.status == NOT_FOUND:
                raise self.refused(attempt, answer)
            raise answered(attempt, CONFLICT, "")  # it was there, and is gone: try again
        if (yield from self._holds(put.bucket, found, identity)):
            return Written(put.key, found.etag, is_new=False)
        raise refusals.conflict(self.store, put, put.key)

    def _holds(self, bucket: str, found: StoredObject, identity: Identity) -> Steps:
        """Return whether the object holds these bytes, reading it where its marks do not say."""
        if found.size_bytes != identity.size_bytes:
            return False
        if self.etags.is_md5_of(found.etag, identity):
            return True
        if self.etags.says_other(found.etag):
            return False
        return (yield from self.reads_back(bucket, found, identity))

    def copy(self, copy: Copy, attempt: Attempt) -> Steps:
        """Copy an object, and make sure that the copy is there."""
        source = (yield from self.look(copy.bucket, copy.source_key)) if copy.confirm else None
        if copy.confirm and source is None:
            raise refusals.not_found(self.store, copy.bucket, copy.source_key)
        answer: HttpAnswer = yield self.requests.make(
            "PUT", copy.bucket, copy.key, headers=self.requests.copied_from(copy)
        )
        if answer.status != OK or s3_answers.error_code(answer):
            raise self.refused(attempt, answer)
        etag = s3_answers.result_etag_of(answer, "CopyObjectResult")
        if source is None:
            return Written(copy.key, etag)
        found = yield from self.look_back(copy.bucket, copy.key)
        if found is None or found.size_bytes != source.size_bytes:
            raise not_kept(attempt, "it is not there as it was copied")
        return Written(copy.key, found.etag)

    def delete(self, delete: Delete, attempt: Attempt) -> Steps:
        """Delete an object, and make sure that it is gone."""
        # S3 answers alike for a deleted and a missing object, so it is looked up first.
        before = yield from self._look_first(delete)
        if before is None:
            return delete.was_there
        answer: HttpAnswer = yield self.requests.make("DELETE", delete.bucket, delete.key)
        if answer.status not in {OK, NO_CONTENT} or s3_answers.error_code(answer):
            raise self.refused(attempt, answer)
        after = yield from self.look_back(delete.bucket, delete.key)
        if after is not None and (after.etag, after.last_modified) == (
            before.etag,
            before.last_modified,
        ):
            raise not_kept(attempt, "it is still there")
        return True

    def _look_first(self, delete: Delete) -> Steps:
        """Look before deleting: what goes wrong here has surely changed nothing."""
        looking = Attempt("look up", refusals.place(self.store, delete.bucket, delete.key))
        try:
            return (yield from self.look(delete.bucket, delete.key))
        except TransportError as error:
            raise unanswered(looking, error) from None
        except s3_answers.UnreadableError as error:
            raise unreadable(looking, error.what) from None

    def create_bucket(self, create: CreateBucket, attempt: Attempt) -> Steps:
        """Make the bucket where it is not there."""
        answer: HttpAnswer = yield self.requests.make("HEAD", create.bucket, "")
        if answer.status == OK:  # a token of one bucket may not make any
            return
        if answer.status != NOT_FOUND:
            raise self.refused(attempt, answer)
        answer = yield self.requests.make(
            "PUT", create.bucket, "", body=self.requests.location_xml()
        )
        if answer.status != OK and s3_answers.error_code(answer) not in _OURS_ALREADY:
            raise self.refused(attempt, answer)

"""What R2 answers when it refuses: its S3 codes, their numbers and their HTTP statuses.

From Cloudflare's list of R2's error codes; the texts are ours.
"""

import dataclasses
from collections.abc import Mapping
from xml.sax.saxutils import escape

from astrid_sdk.testing.wire import Answer


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One way to refuse.

    Parameters
    ----------
    code : str
        The S3 code that the answer's XML names.
    number : int
        R2's own number of it; 0 where none is known.
    status : int
    text : str
    """

    code: str
    number: int
    status: int
    text: str

    def answer(self, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the refusal as R2 sends it."""
        number = f" ({self.number})" if self.number else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.text)}{number}</Message></Error>"
        )
        told = {"Content-Type": "application/xml", **(headers or {})}
        return Answer(self.status, tuple(told.items()), body.encode())


REFUSALS: Mapping[str, Refusal] = {
    refusal.code: refusal
    for refusal in (
        Refusal("InternalError", 10001, 500, "Something failed inside; try again."),
        Refusal("Unauthorized", 10002, 401, "These credentials are missing or wrong."),
        Refusal("AccessDenied", 10003, 403, "These credentials may not do that."),
        Refusal("NoSuchBucket", 10006, 404, "There is no such bucket."),
        Refusal("NoSuchKey", 10007, 404, "There is no such key."),
        Refusal("EntityTooSmall", 10011, 400, "A part is below the least size."),
        Refusal("MetadataTooLarge", 10012, 400, "The metadata is above the most it may be."),
        Refusal("IncompleteBody", 10013, 400, "Fewer bytes came than were announced."),
        Refusal("InvalidDigest", 10014, 400, "That is not a digest."),
        Refusal("ExpiredRequest", 10018, 400, "The signature has expired."),
        Refusal("InvalidObjectName", 10020, 400, "No object can have that name."),
        Refusal("NoSuchUpload", 10024, 404, "There is no such upload."),
        Refusal("InvalidPart", 10025, 400, "A part of the list was never sent."),
        Refusal("PreconditionFailed", 10031, 412, "A condition does not hold."),
        Refusal("SignatureDoesNotMatch", 10035, 403, "The signature is not the expected one."),
        Refusal("BadDigest", 10037, 400, "The body has another digest than was announced."),
        Refusal("InvalidRange", 10039, 416, "The range is behind the end."),
        Refusal("ServiceUnavailable", 10043, 503, "The service is away; try again."),
        Refusal("ClientDisconnect", 10054, 400, "The client went away."),
        Refusal("TooManyRequests", 10058, 429, "Too many requests for the same object."),
        Refusal("ObjectLockedByBucketPolicy", 10069, 403, "A bucket lock protects the object."),
        Refusal("EntityTooLarge", 100100, 400, "The body is above the most one request may send."),
        Refusal("NotImplemented", 0, 501, "That part of S3 is not there."),
        Refusal("XAmzContentSHA256Mismatch", 0, 400, "The body has not the SHA-256 it was signed."),
        Refusal("RequestTimeTooSkewed", 0, 403, "The clocks are too far apart."),
        Refusal("SlowDown", 0, 503, "Please send fewer requests."),
        Refusal("RequestTimeout", 0, 400, "The request took too long to come."),
        Refusal("ConditionalRequestConflict", 0, 409, "Another write was under way."),
        Refusal("OperationAborted", 0, 409, "Another operation was under way."),
        Refusal("InvalidArgument", 0, 400, "An argument cannot be used."),
    )
}
"""By S3 code."""

UNEQUAL_PARTS = Refusal("InvalidPart", 10048, 400, "All parts but the last must be of one size.")

"""Every foreign error has its place in our tree."""

import errno
import inspect
import re

import botocore.exceptions
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError, ProtocolError

from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    StorageUnavailableError,
)
from astrid_sdk.storage import verdicts
from astrid_sdk.storage.boto_errors import translate, translated
from astrid_sdk.storage.responses import Attempt, verdict_of_class

READ = Attempt("read", "'k' of bucket 'b' in a test")
WRITE = Attempt("write", "'k' of bucket 'b' in a test", writes=True)
FOREIGN = [
    foreign
    for _name, foreign in inspect.getmembers(botocore.exceptions, inspect.isclass)
    if issubclass(foreign, Exception)
    and not issubclass(foreign, Warning | ClientError)  # placed by their codes
    and foreign is not BotoCoreError
    and foreign.__module__ == "botocore.exceptions"
]


def answered(code: str, status: int) -> ClientError:
    response = {
        "Error": {"Code": code, "Message": "…"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutObject")  # type: ignore[arg-type]  # only what is read


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign.__name__)
def test_every_exception_of_botocore_has_a_place(foreign: type[Exception]) -> None:
    assert verdict_of_class(foreign) is not None


@pytest.mark.parametrize("foreign", [HTTPError, ProtocolError, ResponseParserError])
def test_what_botocore_lets_through_has_a_place_too(foreign: type[Exception]) -> None:
    assert verdict_of_class(foreign) is not None


@pytest.mark.parametrize(
    ("code", "status", "error", "kind"),
    [
        ("NoSuchKey", 404, NotFoundError, "not_found"),
        ("404", 404, NotFoundError, "not_found"),
        ("NoSuchBucket", 404, NotFoundError, "no_such_bucket"),
        ("AccessDenied", 403, AccessDeniedError, "access_denied"),
        ("403", 403, AccessDeniedError, "access_denied"),
        ("ObjectLockedByBucketPolicy", 403, AccessDeniedError, "locked"),
        ("InvalidAccessKeyId", 403, AccessDeniedError, "credentials"),
        ("SignatureDoesNotMatch", 403, AccessDeniedError, "credentials"),
        ("Unauthorized", 401, AccessDeniedError, "credentials"),
        ("RequestTimeTooSkewed", 403, AccessDeniedError, "clock"),
        ("PreconditionFailed", 412, ConflictError, "already_exists"),
        ("ConditionalRequestConflict", 409, StorageUnavailableError, "concurrent_write"),
        ("SlowDown", 503, RateLimitedError, "throttled"),
        ("429", 429, RateLimitedError, "throttled"),
        ("InternalError", 500, StorageUnavailableError, "server_error"),
        ("520", 520, StorageUnavailableError, "server_error"),
        ("", 0, StorageUnavailableError, "server_error"),
        ("ClientDisconnect", 400, StorageUnavailableError, "incomplete_body"),
        ("BadDigest", 400, CorruptionError, "checksum"),
        ("EntityTooLarge", 400, InvalidInputError, "too_large"),
    ],
)
def test_an_answer_is_placed_by_code_then_status(
    code: str, status: int, error: type[AstridError], kind: str
) -> None:
    ours = translate(answered(code, status), WRITE)
    assert (type(ours), ours.kind) == (error, kind)


@pytest.mark.parametrize(
    ("foreign", "error", "kind"),
    [
        (EndpointConnectionError(endpoint_url="x"), StorageUnavailableError, "unreachable"),
        (NoCredentialsError(), AccessDeniedError, "credentials"),
        (OSError(errno.ENOSPC, "full"), StorageUnavailableError, "disk_full"),
        (OSError(errno.EACCES, "no"), AccessDeniedError, "access_denied"),
        (OSError(errno.EROFS, "no"), AccessDeniedError, "read_only"),
        (OSError(errno.ENOENT, "no"), NotFoundError, "not_found"),
        (OSError(errno.ENOTDIR, "no"), InvalidInputError, "file_and_folder"),
        (OSError(errno.EIO, "no"), StorageUnavailableError, "disk"),
        (OSError("no number"), StorageUnavailableError, "disk"),
        (BotoCoreError(), StorageUnavailableError, "unexpected"),
    ],
)
def test_other_errors_are_placed_by_class_or_number(
    foreign: Exception, error: type[AstridError], kind: str
) -> None:
    ours = translate(foreign, READ)
    assert (type(ours), ours.kind) == (error, kind)


def test_a_message_says_what_where_why_and_what_to_do() -> None:
    assert str(translate(answered("SlowDown", 503), WRITE)) == (
        "could not write 'k' of bucket 'b' in a test: the store asked to slow down "
        "(SlowDown, HTTP 503); whether it took effect is not known: try again later"
    )
    assert "nothing was changed" in str(translate(answered("AccessDenied", 403), WRITE))
    assert "changed" not in str(translate(answered("AccessDenied", 403), READ))


def test_every_verdict_is_one_sentence_of_a_known_class() -> None:
    tables = (verdicts.CODES, verdicts.STATUSES, verdicts.CLASSES, verdicts.ERRNOS)
    for verdict in {verdict for table in tables for verdict in table.values()}:
        message = str(verdict.raised_for(WRITE, "seen"))
        assert re.fullmatch(r"could not [^.\n]+", message)
        assert issubclass(verdict.error, AstridError)
        assert re.fullmatch(r"[a-z_]+", verdict.kind)


def test_the_foreign_error_is_the_cause_without_its_frames() -> None:
    foreign = answered("SlowDown", 503)
    with pytest.raises(StorageUnavailableError) as caught, translated(READ):
        raise foreign
    assert caught.value.__cause__ is foreign
    # The raising frame is added again on the way out; those of the library inside are gone.
    assert foreign.__traceback__ is None


def test_our_own_errors_pass_as_they_are() -> None:
    ours = StorageUnavailableError("down", kind="test")  # an OSError as well
    with pytest.raises(StorageUnavailableError) as caught, translated(READ):
        raise ours
    assert caught.value is ours


def test_a_mistake_in_the_code_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), translated(READ):
        _ = 1 / 0

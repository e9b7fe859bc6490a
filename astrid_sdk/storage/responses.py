"""Foreign errors become ours here and nowhere else: one table, one border."""

import contextlib
import dataclasses
import errno
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    ConflictError,
    CorruptionError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
)


@dataclasses.dataclass(frozen=True)
class Attempt:
    """What was being done when a foreign error came: the first half of the sentence.

    Parameters
    ----------
    doing : str
        Such as ``"write"``, completing "could not …".
    where : str
        The object, bucket or prefix, and the store. Never a secret.
    writes : bool, optional
        Whether it would have changed the store.
    """

    doing: str
    where: str
    writes: bool = False


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The place of a foreign error: our class, its kind, and what to say and advise."""

    error: type[AstridError]
    kind: str
    what: str
    advice: str

    def raised_for(self, attempt: Attempt, seen: str) -> AstridError:
        """Return the error to raise, its message one sentence."""
        return self.error(
            f"could not {attempt.doing} {attempt.where}: {self.what} ({seen}); "
            f"{self._effect(attempt)}{self.advice}",
            kind=self.kind,
        )

    def _effect(self, attempt: Attempt) -> str:
        if not attempt.writes:
            return ""
        if issubclass(self.error, StorageUnavailableError | CorruptionError):
            return "whether it took effect is not known: "
        return "nothing was changed: "


_AGAIN = "try again later"
_KEYS = "check the access key, its secret and what its token may do"
_BUCKET_ADVICE = "check the bucket's name, or make it with create_bucket"

_NO_OBJECT = Verdict(NotFoundError, "not_found", "it is not there", "check the key")
_NO_BUCKET = Verdict(NotFoundError, "no_such_bucket", "there is no such bucket", _BUCKET_ADVICE)
_DENIED = Verdict(AccessDeniedError, "access_denied", "the store refused it", _KEYS)
_CREDENTIALS = Verdict(
    AccessDeniedError, "credentials", "the store does not know these credentials", _KEYS
)
_NO_CREDENTIALS = Verdict(
    AccessDeniedError, "credentials", "there are no usable credentials", _KEYS
)
_CLOCK = Verdict(
    AccessDeniedError, "clock", "this machine's clock is wrong", "set the clock and try again"
)
_LOCKED = Verdict(
    AccessDeniedError, "locked", "a bucket lock protects it", "wait for the lock to end"
)
_EXISTS = Verdict(
    ConflictError, "already_exists", "something else is there", "read it, then decide"
)
# Nothing landed and nobody else is known to have won, so it is no conflict to decide on.
_RACE = Verdict(
    StorageUnavailableError,
    "concurrent_write",
    "another writer was at the same object",
    "try again",
)
_BUSY = Verdict(StorageUnavailableError, "throttled", "the store asked to slow down", _AGAIN)
_BROKEN = Verdict(StorageUnavailableError, "server_error", "the store failed", _AGAIN)
_UNREACHABLE = Verdict(
    StorageUnavailableError,
    "unreachable",
    "the store cannot be reached",
    "check the endpoint and the network, then try again",
)
_TIMEOUT = Verdict(StorageUnavailableError, "timeout", "the store did not answer in time", _AGAIN)
_CUT = Verdict(StorageUnavailableError, "incomplete_body", "the answer broke off", _AGAIN)
_TLS = Verdict(
    StorageUnavailableError,
    "tls",
    "the connection is not trusted",
    "check the endpoint and its certificate",
)
_UNREADABLE = Verdict(
    StorageUnavailableError,
    "unreadable_answer",
    "the answer is not one of an S3 store",
    "check the endpoint and any proxy before it",
)
_DIGEST = Verdict(
    CorruptionError, "checksum", "the bytes did not arrive as they were sent", "try again"
)
_RANGE = Verdict(InvalidInputError, "range", "the range is outside the object", "check its size")
_REFUSED = Verdict(
    InvalidInputError, "refused", "the store does not accept such a request", "check the input"
)
_SETUP = Verdict(
    InvalidInputError,
    "configuration",
    "the S3 library cannot work as it is set up",
    "check the endpoint, the region and the AWS configuration files",
)
_UNEXPECTED = Verdict(StorageUnavailableError, "unexpected", "an unexpected failure", _AGAIN)

CODES: Mapping[str, Verdict] = {
    "NoSuchKey": _NO_OBJECT,
    "NoSuchVersion": _NO_OBJECT,
    "NoSuchUpload": _NO_OBJECT,
    "NoSuchBucket": _NO_BUCKET,
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "Unauthorized": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredRequest": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "ObjectLockedByBucketPolicy": _LOCKED,
    "PreconditionFailed": _EXISTS,
    "ConditionalRequestConflict": _RACE,
    "OperationAborted": _RACE,
    "BucketAlreadyExists": _EXISTS,
    "BucketAlreadyOwnedByYou": _EXISTS,
    "SlowDown": _BUSY,
    "TooManyRequests": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "ServiceUnavailable": _BROKEN,
    "InternalError": _BROKEN,
    "RequestTimeout": _TIMEOUT,
    "ClientDisconnect": _CUT,
    "IncompleteBody": _CUT,
    "BadDigest": _DIGEST,
    "InvalidDigest": _DIGEST,
    "XAmzContentSHA256Mismatch": _DIGEST,
    "InvalidRange": _RANGE,
}
"""By the S3 error code; an unlisted code is placed by its HTTP status."""

STATUSES: Mapping[int, Verdict] = {
    401: _CREDENTIALS,
    403: _DENIED,
    404: _NO_OBJECT,
    408: _TIMEOUT,
    409: _RACE,
    412: _EXISTS,
    416: _RANGE,
    429: _BUSY,
}
"""By HTTP status; other 4xx are refusals, everything else is a failing store."""

# By name, because a class that only some versions of botocore have is no reason to fail.
CLASSES: Mapping[str, Verdict] = {
    name: verdict
    for verdict, names in {
        _UNREACHABLE: (
            "ConnectionError EndpointConnectionError NewConnectionError ProxyConnectionError"
        ),
        _TIMEOUT: "ConnectTimeoutError ReadTimeoutError WaiterError",
        _CUT: (
            "ConnectionClosedError HTTPClientError HTTPError IncompleteReadError "
            "ResponseStreamingError ProtocolError IncompleteRead"
        ),
        _TLS: "SSLError",
        _BUSY: "CapacityNotAvailableError",
        _UNREADABLE: "PaginationError ResponseParserError DecodeError",
        _DIGEST: "ChecksumError FlexibleChecksumError",
        _NO_CREDENTIALS: (
            "CredentialRetrievalError InvalidIMDSEndpointError InvalidIMDSEndpointModeError "
            "LoginError MetadataRetrievalError NoAuthTokenError NoCredentialsError "
            "PartialCredentialsError RefreshWithMFAUnsupportedError SSOError "
            "TokenRetrievalError UnknownCredentialError UnknownTokenProviderError"
        ),
        _REFUSED: (
            "AwsChunkedWrapperError MissingParametersError OperationNotPageableError "
            "ParamValidationError UnknownClientMethodError UnseekableStreamError "
            "UnsupportedOutpostResourceError UnsupportedS3AccesspointConfigurationError "
            "UnsupportedS3ArnError UnsupportedS3ControlArnError ValidationError"
        ),
        _SETUP: (
            "ApiVersionNotFoundError BaseEndpointResolverError ConfigNotFound ConfigParseError "
            "DataNotFoundError EndpointProviderError InvalidChecksumConfigError "
            "InvalidConfigError InvalidDNSNameError InvalidDefaultsMode "
            "InvalidEndpointConfigurationError InvalidEndpointDiscoveryConfigurationError "
            "InvalidExpressionError InvalidHostLabelError InvalidProxiesConfigError "
            "InvalidRegionError InvalidRetryConfigurationError "
            "InvalidS3AddressingStyleError InvalidS3UsEast1RegionalEndpointConfigError "
            "InvalidSTSRegionalEndpointsConfigError MD5UnavailableError "
            "MissingDependencyException ProfileNotFound ServiceNotInRegionError "
            "StubResponseError UndefinedModelAttributeError UnknownEndpointError "
            "UnknownRegionError UnknownServiceStyle UnknownSignatureVersionError "
            "UnsupportedS3ConfigurationError UnsupportedS3ControlConfigurationError "
            "UnsupportedServiceProtocolsError UnsupportedSignatureVersionError "
            "WaiterConfigError"
        ),
    }.items()
    for name in names.split()
}
"""By the name of the exception's class or of the nearest of its bases."""

_FULL = Verdict(
    StorageUnavailableError, "disk_full", "the disk is full", "make room, then try again"
)
_FOLDER_DENIED = Verdict(
    AccessDeniedError,
    "access_denied",
    "the folder does not allow it",
    "change its owner or rights, or choose another folder",
)
_READ_ONLY = Verdict(
    AccessDeniedError,
    "read_only",
    "the file system is mounted read-only",
    "choose another folder",
)
_SYMLINK = Verdict(
    AccessDeniedError,
    "symlink",
    "a symbolic link is in the way and is not followed",
    "remove the link, or point the store at the real folder",
)
_FOLDER_SHAPE = Verdict(
    InvalidInputError,
    "file_and_folder",
    "one name would have to be both a file and a folder",
    "choose a key that does not continue another key",
)
_LONG_NAME = Verdict(
    InvalidInputError,
    "key",
    "this file system takes no name that long",
    "shorten the parts between the slashes",
)
_UNSUITED = Verdict(
    InvalidInputError,
    "file_system",
    "this file system cannot do what a store needs",
    "choose a folder on a local disk",
)
_DISK = Verdict(StorageUnavailableError, "disk", "the file system failed", "check the disk")

ERRNOS: Mapping[int, Verdict] = {
    errno.ENOENT: _NO_OBJECT,
    errno.ENOTDIR: _FOLDER_SHAPE,
    errno.EISDIR: _FOLDER_SHAPE,
    errno.ENOTEMPTY: _FOLDER_SHAPE,
    errno.EEXIST: _EXISTS,
    errno.EACCES: _FOLDER_DENIED,
    errno.EPERM: _FOLDER_DENIED,
    errno.EROFS: _READ_ONLY,
    errno.ELOOP: _SYMLINK,
    errno.ENAMETOOLONG: _LONG_NAME,
    errno.EXDEV: _UNSUITED,
    errno.ENOTSUP: _UNSUITED,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
"""By the number of an OSError; any other is a failing disk."""


@contextlib.contextmanager
def translated(attempt: Attempt) -> Iterator[None]:
    """Raise our error, chained with ``from``, for every foreign one inside.

    Parameters
    ----------
    attempt : Attempt
        What is being done, for the message.
    """
    try:
        yield
    except AstridError:  # some of ours are OSErrors too
        raise
    except (BotoCoreError, ClientError, ResponseParserError, HTTPError, OSError) as error:
        # The frames inside the S3 library hold credentials, and some tracebacks show locals.
        raise translate(error, attempt) from error.with_traceback(None)


def translate(error: Exception, attempt: Attempt) -> AstridError:
    """Return our error for a foreign one.

    Parameters
    ----------
    error : Exception
        From botocore, urllib3 or the operating system.
    attempt : Attempt
        What was being done.
    """
    verdict, seen = _verdict_of(error)
    return verdict.raised_for(attempt, seen)


def place(store: str, bucket: str, key: str = "") -> str:
    """Return how messages name an object, or a bucket, of the store described as `store`."""
    what = f"bucket {bucket!r} in {store}"
    return f"{key!r} of {what}" if key else what


def verdict_of_class(error_class: type[BaseException]) -> Verdict | None:
    """Return the place of an exception class by its own name or its nearest base's."""
    named = (CLASSES.get(base.__name__) for base in error_class.__mro__)
    return next((verdict for verdict in named if verdict is not None), None)


def error_code(error: ClientError) -> str:
    """Return the S3 error code, or the HTTP status as text where the answer had no body."""
    details: Mapping[str, Any] = error.response.get("Error", {})
    return str(details.get("Code", ""))


def http_status(error: ClientError) -> int:
    """Return the HTTP status of the answer; 0 when there is none."""
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0))


def _verdict_of(error: Exception) -> tuple[Verdict, str]:
    if isinstance(error, ClientError):
        code, status = error_code(error), http_status(error)
        return CODES.get(code) or _verdict_of_status(status), f"{code}, HTTP {status}"
    verdict = verdict_of_class(type(error))
    if verdict is not None:
        return verdict, type(error).__name__
    if isinstance(error, OSError):
        return ERRNOS.get(error.errno or 0, _DISK), error.strerror or type(error).__name__
    return _UNEXPECTED, type(error).__name__


def _verdict_of_status(status: int) -> Verdict:
    if status in STATUSES:
        return STATUSES[status]
    return _REFUSED if 400 <= status < 500 else _BROKEN  # noqa: PLR2004 - HTTP's own numbers

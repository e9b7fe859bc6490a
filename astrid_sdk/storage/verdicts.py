"""The places of foreign errors in our tree, as tables: by code, status, class and number."""

import dataclasses
import errno
from collections.abc import Mapping

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
    is_unsent : bool, optional
        Whether surely nothing of it has reached the store.
    """

    doing: str
    where: str
    writes: bool = False
    is_unsent: bool = False


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The place of a foreign error: our class, its kind, and what to say and advise.

    `is_transient`: the same request may succeed in a moment.
    """

    error: type[AstridError]
    kind: str
    what: str
    advice: str
    is_transient: bool = False

    def raised_for(
        self, attempt: Attempt, seen: str, retry_after_s: float | None = None
    ) -> AstridError:
        """Return the error to raise, its message one sentence."""
        wrote = self._wrote(attempt)
        effect = {None: "whether it took effect is not known: ", False: "nothing was changed: "}
        return self.error(
            f"could not {attempt.doing} {attempt.where}: {self.what} ({seen}); "
            f"{effect[wrote] if attempt.writes else ''}{self.advice}",
            kind=self.kind,
            wrote=wrote,
            transient=self.is_transient,
            retry_after_s=retry_after_s,
        )

    def _wrote(self, attempt: Attempt) -> bool | None:
        is_open = issubclass(self.error, StorageUnavailableError | CorruptionError)
        return None if attempt.writes and is_open and not attempt.is_unsent else False


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
    is_transient=True,
)
BUSY = Verdict(
    RateLimitedError, "throttled", "the store asked to slow down", _AGAIN, is_transient=True
)
BROKEN = Verdict(
    StorageUnavailableError, "server_error", "the store failed", _AGAIN, is_transient=True
)
_UNREACHABLE = Verdict(
    StorageUnavailableError,
    "unreachable",
    "the store cannot be reached",
    "check the endpoint and the network, then try again",
    is_transient=True,
)
_TIMEOUT = Verdict(
    StorageUnavailableError,
    "timeout",
    "the store did not answer in time",
    _AGAIN,
    is_transient=True,
)
_CUT = Verdict(
    StorageUnavailableError, "incomplete_body", "the answer broke off", _AGAIN, is_transient=True
)
_TLS = Verdict(
    StorageUnavailableError,
    "tls",
    "the connection is not trusted",
    "check the endpoint and its certificate",
)
UNREADABLE = Verdict(
    StorageUnavailableError,
    "unreadable_answer",
    "the answer is not one of an S3 store",
    "check the endpoint and any proxy before it",
    is_transient=True,
)
DIGEST = Verdict(
    CorruptionError,
    "checksum",
    "the bytes did not arrive as they were sent",
    "try again",
    is_transient=True,
)
_RANGE = Verdict(InvalidInputError, "range", "the range is outside the object", "check its size")
REFUSED = Verdict(
    InvalidInputError, "refused", "the store does not accept such a request", "check the input"
)
_SETUP = Verdict(
    InvalidInputError,
    "configuration",
    "the S3 library cannot work as it is set up",
    "check the endpoint, the region and the AWS configuration files",
)
_NOT_THERE_YET = Verdict(
    InvalidInputError,
    "unsupported",
    "the store has no such operation",
    "look at its capabilities before asking",
)
_TOO_LARGE = Verdict(
    InvalidInputError, "too_large", "the store takes nothing that large", "send less at a time"
)
_METADATA = Verdict(
    InvalidInputError, "user_metadata", "the store takes no such metadata", "shorten the metadata"
)
_NAME = Verdict(InvalidInputError, "key", "the store takes no such name", "choose another key")
_PARTS = Verdict(
    InvalidInputError,
    "parts",
    "the parts do not make an object",
    "upload it again in parts of one size, but for the last",
)
_NO_UPLOAD = Verdict(
    NotFoundError, "no_such_upload", "there is no such upload", "begin the upload again"
)
ELSEWHERE = Verdict(
    InvalidInputError,
    "endpoint",
    "the store points elsewhere",
    "set the endpoint of the bucket's own region or jurisdiction",
)
UNEXPECTED = Verdict(
    StorageUnavailableError, "unexpected", "an unexpected failure", _AGAIN, is_transient=True
)

LOST = Verdict(
    StorageUnavailableError,
    "not_written",
    "the store acknowledged it and does not have it",
    "try again",
    is_transient=True,
)
TRANSPORT: Mapping[str, Verdict] = {
    "unreachable": _UNREACHABLE,
    "timeout": _TIMEOUT,
    "incomplete_body": _CUT,
    "tls": _TLS,
    "unreadable_answer": UNREADABLE,
}

CODES: Mapping[str, Verdict] = {
    "NoSuchKey": _NO_OBJECT,
    "NoSuchVersion": _NO_OBJECT,
    "NoSuchUpload": _NO_UPLOAD,
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
    "SlowDown": BUSY,
    "TooManyRequests": BUSY,
    "Throttling": BUSY,
    "ThrottlingException": BUSY,
    "RequestLimitExceeded": BUSY,
    "ServiceUnavailable": BROKEN,
    "InternalError": BROKEN,
    "RequestTimeout": _TIMEOUT,
    "ClientDisconnect": _CUT,
    "IncompleteBody": _CUT,
    "BadDigest": DIGEST,
    "InvalidDigest": DIGEST,
    "XAmzContentSHA256Mismatch": DIGEST,
    "InvalidRange": _RANGE,
    "EntityTooLarge": _TOO_LARGE,
    "MetadataTooLarge": _METADATA,
    "KeyTooLongError": _NAME,
    "InvalidObjectName": _NAME,
    "InvalidPart": _PARTS,
    "InvalidPartOrder": _PARTS,
    "EntityTooSmall": _PARTS,
    "NotImplemented": _NOT_THERE_YET,
    "PermanentRedirect": ELSEWHERE,
    "TemporaryRedirect": ELSEWHERE,
    "AuthorizationHeaderMalformed": _CREDENTIALS,
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
    429: BUSY,
    501: _NOT_THERE_YET,
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
        BUSY: "CapacityNotAvailableError",
        UNREADABLE: "PaginationError ResponseParserError DecodeError",
        DIGEST: "ChecksumError FlexibleChecksumError",
        _NO_CREDENTIALS: (
            "CredentialRetrievalError InvalidIMDSEndpointError InvalidIMDSEndpointModeError "
            "LoginError MetadataRetrievalError NoAuthTokenError NoCredentialsError "
            "PartialCredentialsError RefreshWithMFAUnsupportedError SSOError "
            "TokenRetrievalError UnknownCredentialError UnknownTokenProviderError"
        ),
        REFUSED: (
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
DISK = Verdict(StorageUnavailableError, "disk", "the file system failed", "check the disk")

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

"""How the service behaves: where it listens, and the limits of what it takes."""

import dataclasses
from collections.abc import Mapping
from typing import Self

from astrid_sdk.config import settings_from_environment
from astrid_sdk.errors import InvalidInputError

_PREFIX = "api_"


@dataclasses.dataclass(frozen=True)
class ApiSettings:
    """The service's settings; each is read from ``ASTRID_API_`` and its name in capitals.

    Parameters
    ----------
    host : str, optional
        Address to listen on; others than the loopback ones need credentials to be set up.
    port : int, optional
    allowed_hosts : tuple of str, optional
        Names that the ``Host`` header may have, beside those of this machine's loopback interface;
        ``*`` takes any. It is checked where callers need no credentials, and wherever it is set.
    max_upload_bytes : int, optional
        The largest body of an upload.
    max_body_bytes : int, optional
        The largest body of any other request.
    request_deadline_s, transfer_deadline_s : float, optional
        How long a request may take in all; uploads and downloads have the second.
    idle_timeout_s : float, optional
        How long a client may send or take nothing while a body is under way.
    min_bytes_per_s : int, optional
        The least pace of a body, once the idle timeout has passed.
    transfers : int, optional
        Uploads and downloads at a time; each has some MiB in memory.
    transfer_wait_s : float, optional
        How long one more may wait for its turn before it is told to come back.
    threads : int, optional
        Calls of the SDK at a time.
    requests_per_s : float, optional
        Of one caller, on average; without it as many as come.
    request_burst : int, optional
        How many of these may come at once.
    max_header_bytes, max_url_bytes : int, optional
    freshness_s : float, optional
        How old the knowledge of what is stored may be when a content is read. What is not known
        is looked for at once.
    presign_expires_s : int, optional
        How long a presigned URL holds.
    oidc_issuer : str, optional
        The OpenID Connect issuer whose bearer tokens are taken beside API keys.
    oidc_audience : str, optional
        What tokens for this service have as their ``aud``.
    oidc_roles : tuple of str, optional
        Which roles a value of the claim gives: ``"observers=reader curator:datasets"``.
    oidc_roles_claim : str, optional
        The claim; dots lead into nested ones, as in ``realm_access.roles``.
    oidc_jwks_url : str, optional
        Where the issuer's keys are; by default where its discovery document says.

    Raises
    ------
    InvalidInputError
        A number is not above zero.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    allowed_hosts: tuple[str, ...] = ()
    max_upload_bytes: int = 64 << 30
    max_body_bytes: int = 16 << 20
    request_deadline_s: float = 60.0
    transfer_deadline_s: float = 6 * 3600.0
    idle_timeout_s: float = 30.0
    min_bytes_per_s: int = 1024
    transfers: int = 32
    transfer_wait_s: float = 10.0
    threads: int = 40
    requests_per_s: float | None = None
    request_burst: int = 100
    max_header_bytes: int = 32 << 10
    max_url_bytes: int = 64 << 10
    freshness_s: float = 1.0
    presign_expires_s: int = 600
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_roles: tuple[str, ...] = ()
    oidc_roles_claim: str = "roles"
    oidc_jwks_url: str = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value <= 0:
                raise InvalidInputError(
                    f"ASTRID_{_PREFIX.upper()}{field.name.upper()} is {value}: give more than 0",
                    kind="config",
                )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the variables that are set.

        Parameters
        ----------
        environ : Mapping[str, str], optional
            Read instead of the process environment.

        Raises
        ------
        InvalidInputError
            A value cannot be read.
        """
        fields = {field.name: field.type for field in dataclasses.fields(cls)}
        return cls(**settings_from_environment(fields, _PREFIX, environ))

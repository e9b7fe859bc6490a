"""What the SDK is told from outside. The only reader of the environment."""

import dataclasses
import hmac
import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import urlsplit

from typing_extensions import override

from astrid_sdk.errors import InvalidInputError

_PREFIX = "ASTRID_"
_REQUIRED = ("r2_account_id", "r2_access_key_id", "r2_secret_access_key", "r2_bucket_name")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}
_MODEL_ACTIONS = ("register", "promote", "delete")
_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "::1"}
# An account may carry its jurisdiction: <account>.eu
_ACCOUNT_ID = re.compile(r"[A-Za-z0-9-]+(\.(eu|fedramp))?")


class Secret:
    """A value that shows itself only when asked: not in repr, str, format, logs or pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: "str | Secret") -> None:
        self._value = value.reveal() if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """Return the value in plain text, to be handed on at once and never kept."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret(•••)"

    @override
    def __str__(self) -> str:
        return "•••"

    @override
    def __format__(self, format_spec: str) -> str:
        return format(str(self), format_spec)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    @override
    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    @override
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise InvalidInputError(
            "a secret is not pickled; let the other process read its own environment",
            kind="secret",
        )


@dataclasses.dataclass(frozen=True)
class StorageConfig:
    """Where the bucket is and how to enter it.

    Parameters
    ----------
    r2_account_id : str
        The Cloudflare account, with its jurisdiction when it has one (``<account>.eu``).
    r2_access_key_id : str
        Names the token.
    r2_secret_access_key : str or Secret
        Kept as a `Secret`.
    r2_bucket_name : str
        The bucket of this store.
    r2_region : str, optional
        R2 knows ``"auto"`` only.
    dvc_remote_url, mlflow_artifact_root : str, optional
        Where DVC and MLflow keep their files; ``s3://<bucket>/datasets/dvc`` and
        ``s3://<bucket>/artifacts/mlflow`` when left empty.
    content_addressing_enabled : bool, optional
        False: bytes are stored by key only.
    deduplication_enabled : bool, optional
        False: every store uploads the body.
    r2_endpoint_url : str, optional
        Another server than Cloudflare's; plain http is accepted on the loopback interface only.
    r2_session_token : str or Secret, optional
        The third part of temporary credentials; kept as a `Secret`.
    requests_per_s : float, optional
        Ask the store no faster; without it as fast as it likes.
    concurrency : int, optional
        How many requests are under way at a time.
    quotas : Mapping[str, str], optional
        What tiers may hold, by their name: ``{"temp": "10GiB", "detections": "1TiB:500000"}``
        (bytes, then objects).
    mlflow_tracking_uri : str, optional
        MLflow's server or database; a database in the session's home when left empty.

    Raises
    ------
    InvalidInputError
        A required field is empty, or the endpoint cannot be used.
    """

    r2_account_id: str
    r2_access_key_id: str = dataclasses.field(repr=False)
    r2_secret_access_key: Secret | str
    r2_bucket_name: str
    r2_region: str = "auto"
    dvc_remote_url: str = ""
    mlflow_artifact_root: str = ""
    content_addressing_enabled: bool = True
    deduplication_enabled: bool = True
    _: dataclasses.KW_ONLY
    r2_endpoint_url: str | None = None
    r2_session_token: Secret | str | None = None
    requests_per_s: float | None = None
    concurrency: int = 32
    quotas: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)
    mlflow_tracking_uri: str = dataclasses.field(default="", repr=False)  # may hold a password

    def __post_init__(self) -> None:
        object.__setattr__(self, "r2_secret_access_key", Secret(self.r2_secret_access_key))
        if self.r2_session_token is not None:
            object.__setattr__(self, "r2_session_token", Secret(self.r2_session_token))
        missing = [name for name in _REQUIRED if not _plain(getattr(self, name))]
        if missing:
            raise InvalidInputError(
                f"StorageConfig needs a value for {', '.join(missing)}", kind="config"
            )
        if not _ACCOUNT_ID.fullmatch(self.r2_account_id):
            raise InvalidInputError(
                f"{self.r2_account_id!r} is no Cloudflare account id", kind="config"
            )
        if self.r2_endpoint_url is not None:
            _check_endpoint(self.r2_endpoint_url)
        _check_pace(self.requests_per_s, self.concurrency)
        self._fill("dvc_remote_url", f"s3://{self.r2_bucket_name}/datasets/dvc")
        self._fill("mlflow_artifact_root", f"s3://{self.r2_bucket_name}/artifacts/mlflow")

    def _fill(self, name: str, value: str) -> None:
        if not getattr(self, name):
            object.__setattr__(self, name, value)

    @property
    def secret_access_key(self) -> Secret:
        """The secret key, whichever way it was given."""
        return Secret(self.r2_secret_access_key)

    @property
    def session_token(self) -> Secret | None:
        """The session token of temporary credentials, if there is one."""
        return None if self.r2_session_token is None else Secret(self.r2_session_token)

    @property
    def endpoint_url(self) -> str:
        """The S3 endpoint, without a slash at its end."""
        if self.r2_endpoint_url is not None:
            return self.r2_endpoint_url.rstrip("/")
        return f"https://{self.r2_account_id}.r2.cloudflarestorage.com"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the variables ``ASTRID_`` + field name in capitals.

        Parameters
        ----------
        environ : Mapping[str, str], optional
            Read instead of the process environment.

        Raises
        ------
        InvalidInputError
            A required variable is missing or empty (all such are named), or a value cannot be
            read.
        """
        given = _environment(environ)
        fields = {field.name: field.type for field in dataclasses.fields(cls)}
        texts = {name: given[_variable(name)] for name in fields if given.get(_variable(name))}
        missing = [_variable(name) for name in _REQUIRED if name not in texts]
        if missing:
            raise InvalidInputError(
                f"R2 is not fully configured: set {', '.join(missing)}", kind="config"
            )
        values: dict[str, Any] = {
            name: _READERS.get(fields[name], _text)(name, text) for name, text in texts.items()
        }
        return cls(**values)


def r2_is_configured(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether any ``ASTRID_R2_*`` variable is set: R2 is then meant, not the local store.

    `StorageConfig.from_environment` says which others are missing.
    """
    given = _environment(environ)
    return any(value for name, value in given.items() if name.startswith(_PREFIX + "R2_"))


def store_folder(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder of the embedded store that ``ASTRID_STORE`` names, if it does."""
    folder = _environment(environ).get(_PREFIX + "STORE")
    return Path(folder).expanduser() if folder else None


def tier_quotas(environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return what tiers may hold by ``ASTRID_QUOTAS``, for a store that has no `StorageConfig`.

    Raises
    ------
    InvalidInputError
        It cannot be read.
    """
    return _quotas("quotas", _environment(environ).get(_variable("quotas"), ""))


def mlflow_tracking_uri(environ: Mapping[str, str] | None = None) -> str:
    """Return MLflow's server by ``ASTRID_MLFLOW_TRACKING_URI``, "" without it."""
    return _environment(environ).get(_variable("mlflow_tracking_uri"), "")


def mlflow_rights(environ: Mapping[str, str] | None = None) -> Mapping[str, frozenset[str]]:
    """Return by action who may do it with models, where ``ASTRID_MLFLOW_MAY_<ACTION>`` says so.

    Names between commas; ``*`` is everybody, and a variable that is set and empty is nobody.
    """
    given = _environment(environ)
    said = {action: given.get(_variable(f"mlflow_may_{action}")) for action in _MODEL_ACTIONS}
    return {
        action: frozenset(filter(None, (name.strip() for name in names.split(","))))
        for action, names in said.items()
        if names is not None
    }


def settings_from_environment(
    fields: Mapping[str, Any], prefix: str, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the values of those `fields` (name to type) whose variable is set.

    The variable is ``ASTRID_``, `prefix` and the field's name, in capitals.

    Raises
    ------
    InvalidInputError
        A value cannot be read.
    """
    given = _environment(environ)
    texts = {name: given.get(_variable(prefix + name)) for name in fields}
    return {
        name: _READERS.get(fields[name], _text)(prefix + name, text)
        for name, text in texts.items()
        if text
    }


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of the process environment with `extra` added, to start a process with."""
    return {**_environment(None), **extra}


def is_loopback(url: str) -> bool:
    """Return whether `url` leads to this machine only."""
    return urlsplit(url).hostname in _LOOPBACK_HOSTS


def _environment(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ  # noqa: TID251 - the one place that reads it


def _variable(field_name: str) -> str:
    return _PREFIX + field_name.upper()


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _boolean(field_name: str, text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise InvalidInputError(
            f"{_variable(field_name)} is {text!r}; set it to true or false", kind="config"
        )
    return word in _TRUE


def _text(_field_name: str, text: str) -> str:
    return text


def _number(field_name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInputError(
            f"{_variable(field_name)} is {text!r}; set it to a number", kind="config"
        ) from None


def _whole_number(field_name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise InvalidInputError(
            f"{_variable(field_name)} is {text!r}; set it to a whole number", kind="config"
        )
    return int(text)


def _quotas(field_name: str, text: str) -> dict[str, str]:
    quotas: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        tier, sign, quota = (word.strip() for word in part.partition("="))
        if not (tier and sign and quota) or tier in quotas:
            raise InvalidInputError(
                f"{_variable(field_name)} has {part!r}; set it to tiers and what each may hold, "
                "as in 'temp=10GiB,detections=1TiB:500000'",
                kind="config",
            )
        quotas[tier] = quota
    return quotas


def _words(_field_name: str, text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(","))))


_READERS: dict[Any, Callable[[str, str], Any]] = {
    bool: _boolean,
    int: _whole_number,
    float: _number,
    float | None: _number,
    tuple[str, ...]: _words,
    Mapping[str, str]: _quotas,
}
"""How the text of a variable becomes a field of that type."""


def _check_pace(requests_per_s: float | None, concurrency: int) -> None:
    if requests_per_s is not None and not 0 < requests_per_s < math.inf:
        raise InvalidInputError(
            f"{requests_per_s} requests per second would never end; give more than 0, or nothing "
            "for no limit",
            kind="config",
        )
    if concurrency < 1:
        raise InvalidInputError(
            f"with {concurrency} requests at a time nothing would run; give at least 1",
            kind="config",
        )


def _check_endpoint(url: str) -> None:
    # The message leaves the URL out: one with a password in it is refused here.
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInputError("the R2 endpoint is no http(s) URL", kind="endpoint")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInputError(
            "the R2 endpoint must be a plain URL without credentials, query or fragment",
            kind="endpoint",
        )
    if parts.scheme == "http" and not is_loopback(url):
        raise InvalidInputError(
            f"plain http to {parts.hostname} would show your data to the network; use https",
            kind="endpoint",
        )

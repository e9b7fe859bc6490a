"""The one border where MLflow's errors become ours."""

import contextlib
from collections.abc import Iterator

from astrid_sdk.errors import (
    AccessDeniedError,
    AstridError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RateLimitedError,
    StorageUnavailableError,
)
from astrid_sdk.models.quiet import mlflow_module, quietly

ERRORS: dict[str, type[AstridError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFoundError,
    "NOT_FOUND": NotFoundError,
    "ENDPOINT_NOT_FOUND": InvalidInputError,
    "RESOURCE_ALREADY_EXISTS": ConflictError,
    "ALREADY_EXISTS": ConflictError,
    "RESOURCE_CONFLICT": ConflictError,
    "ABORTED": ConflictError,
    "PERMISSION_DENIED": AccessDeniedError,
    "UNAUTHENTICATED": AccessDeniedError,
    "CUSTOMER_UNAUTHORIZED": AccessDeniedError,
    "REQUEST_LIMIT_EXCEEDED": RateLimitedError,
    "RESOURCE_EXHAUSTED": RateLimitedError,
    "RESOURCE_LIMIT_EXCEEDED": RateLimitedError,
    "INTERNAL_ERROR": StorageUnavailableError,
    "TEMPORARILY_UNAVAILABLE": StorageUnavailableError,
    "IO_ERROR": StorageUnavailableError,
    "CANCELLED": StorageUnavailableError,
    "DEADLINE_EXCEEDED": StorageUnavailableError,
}
"""What MLflow's codes mean to a caller; every other code is about what was given."""


@contextlib.contextmanager
def talking_to(place: str) -> Iterator[None]:
    """Let MLflow work silently, and raise its errors as ours.

    Parameters
    ----------
    place : str
        Where MLflow is, for the sentence; never a secret.
    """
    exceptions = mlflow_module("mlflow.exceptions")
    requests = mlflow_module("requests.exceptions")
    databases = mlflow_module("sqlalchemy.exc")
    with quietly():
        try:
            yield
        except exceptions.MlflowException as error:
            raise ours(error.error_code, str(error.message), place) from error
        except (requests.RequestException, databases.DBAPIError) as error:
            raise _unreachable(place, type(error).__name__) from error


def ours(code: str, message: str, place: str) -> AstridError:
    """Return our error for one of MLflow's."""
    kind = ERRORS.get(code, InvalidInputError)
    said = message.removeprefix(f"{code}: ").strip().partition("\n")[0].rstrip(". ")
    if issubclass(kind, StorageUnavailableError):
        return kind(f"MLflow at {place} did not do it ({said}); try again later", wrote=None)
    return kind(f"MLflow at {place}: {said}")


def _unreachable(place: str, reason: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"MLflow at {place} gave no answer ({reason}): check the tracking URI and that the server "
        "runs",
        kind="mlflow_unreachable",
        wrote=None,
    )

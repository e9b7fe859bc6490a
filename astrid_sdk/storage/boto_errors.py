"""Errors of boto3 become ours: the border of the control plane.

It stands beside `responses`, which everybody imports: importing boto3 takes a third of a second.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from astrid_sdk.errors import AstridError
from astrid_sdk.storage import responses
from astrid_sdk.storage.verdicts import Attempt

_FOREIGN = (BotoCoreError, ClientError, ResponseParserError, HTTPError, OSError)


def translate(error: Exception, attempt: Attempt) -> AstridError:
    """Return our error for one of botocore, urllib3 or the operating system.

    Parameters
    ----------
    error : Exception
    attempt : Attempt
        What was being done.
    """
    if not isinstance(error, ClientError):
        return responses.translate(error, attempt)
    response: Mapping[str, Any] = error.response
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # An answer without a body has the HTTP status for a code.
    return responses.answered(attempt, int(status), str(response.get("Error", {}).get("Code", "")))


def translated(attempt: Attempt) -> AbstractContextManager[None]:
    """Raise our error for every one of boto3's inside; see `responses.translated`."""
    return responses.translated(attempt, _FOREIGN, translate)

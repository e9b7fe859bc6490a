"""Errors of boto3 become ours: the border of the control plane.

It stands beside `responses`, which everybody imports: importing boto3 takes a third of a second.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from astrid_sdk.errors import AstridError
from astrid_sdk.storage import responses
from astrid_sdk.storage.verdicts import Attempt


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

"""Names and media types on their way in and out: nothing in them may become markup or a header."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.file_names import is_fits_name
from astrid_sdk.storage.keys import check_media_type

OCTETS: Final = "application/octet-stream"
FITS: Final = "application/fits"
_FORM_DEFAULT: Final = "application/x-www-form-urlencoded"  # what curl says of any --data-binary

_PART = (  # of a path: not empty, neither "." nor "..", without control characters
    r"(?:[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*|\.[^/.\x00-\x1f\x7f][^/\x00-\x1f\x7f]*"
    r"|\.\.[^/\x00-\x1f\x7f]+)"
)
NAME_PATTERN: Final = f"^{_PART}(?:/{_PART})*$"
MOST_NAME_LETTERS: Final = 255
"""As many letters of any script as surely fit into a key."""

SERVED: Final = frozenset(
    {
        *("application/fits", "application/gzip", "application/json", "application/octet-stream"),
        *("application/vnd.apache.parquet", "application/x-ndjson", "application/x-tar"),
        *("application/zip", "image/fits", "image/jpeg", "image/png", "image/tiff", "text/csv"),
        "text/plain",
    }
)
"""Media types that no browser runs anything of. Others go out as plain bytes."""

_NAME = re.compile(NAME_PATTERN)
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._ +@,=-]")
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_ATTRIBUTE_LETTERS = "!#$&+-.^_`|~"  # RFC 5987, section 3.2.1, beside letters and digits


def served_type(media_type: str) -> str:
    """Return the media type that a stored content is handed out with."""
    plain = media_type.partition(";")[0].strip().lower()
    return plain if plain in SERVED else OCTETS


def disposition(name: str) -> str:
    """Return the header that makes a browser save a content, as RFC 6266 writes it.

    The plain name is for old clients and has harmless letters only; the whole name follows,
    encoded.
    """
    last = _last_part(name)
    plain = _NOT_PLAIN.sub("_", unicodedata.normalize("NFKD", last)).strip(" .") or "content"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(last, _ATTRIBUTE_LETTERS)}"


def stored_name(name: str) -> str:
    """Return the name that a caller gives to a content, if it can be one.

    Raises
    ------
    InvalidInputError
        ``kind="name"``.
    """
    if len(name) > MOST_NAME_LETTERS or not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"a name is a relative path with slashes, of at most {MOST_NAME_LETTERS} letters, "
            "without control characters and parts that are '.' or '..'",
            kind="name",
        )
    return name


def file_name(given: str) -> str:
    """Return what a form's file is called: the last part of its name, without odd characters."""
    return _last_part(given)[:200]


def stored_type(given: str, name: str) -> str:
    """Return the media type of a content that comes in.

    Raises
    ------
    InvalidInputError
        ``kind="media_type"``: it cannot be one.
    """
    said = given.strip()
    if said and said.partition(";")[0].strip().lower() not in {OCTETS, _FORM_DEFAULT}:
        return check_media_type(said)
    return FITS if is_fits_name(name) else OCTETS


def _last_part(name: str) -> str:
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    shown = (letter for letter in last if unicodedata.category(letter) not in _NOT_SHOWN)
    return "".join(shown).strip() or "content"

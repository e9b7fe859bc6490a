"""What is wrong with a request, in words: validation speaks of patterns, which nobody reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from astrid_sdk.api.naming import NAME_PATTERN
from astrid_sdk.api.schemas import DATASET_ID_PATTERN, HASH_PATTERN, PATH_PATTERN

_MOST: Final = 20
_A_PATH = (
    "give a relative path such as 2024-04-05/frame.fits, without empty parts, . or .., and without "
    "control characters"
)
_BY_PATTERN: Final[Mapping[str, str]] = {
    HASH_PATTERN: "give a whole SHA-256: 64 hexadecimal digits, in small letters",
    NAME_PATTERN: _A_PATH,
    PATH_PATTERN: f"{_A_PATH}, or backslashes",
    DATASET_ID_PATTERN: (
        "give 1 to 63 of the letters a-z, digits, dots, dashes and underscores, the first a letter "
        "or a digit"
    ),
    r"\S": "give some text",
}
_BY_KIND: Final[Mapping[str, str]] = {
    "extra_forbidden": "nothing of that name is taken here: check how it is written",
    "missing": "it is needed, and was not given",
}


def told(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Return where each error is and what is wrong there.

    Parameters
    ----------
    errors : sequence
        Those of pydantic; of more than 20 the first are told.
    """
    return [
        {"where": ".".join(map(str, each["loc"])), "what": _what(each)} for each in errors[:_MOST]
    ]


def _what(error: Mapping[str, Any]) -> str:
    pattern = error.get("ctx", {}).get("pattern", "")
    said = _BY_PATTERN.get(pattern) or _BY_KIND.get(error["type"])
    return said or str(error["msg"])

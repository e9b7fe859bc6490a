"""What a file is in a dataset."""

import re

FILE = "file"
TRIPLET = "triplet"
_COUNTED = re.compile(r"-\d+$")


def role_of(told: str | None) -> str:
    """Return the role of a content from what its record calls it: ``triplet-001`` is a triplet."""
    return _COUNTED.sub("", told) if told else FILE

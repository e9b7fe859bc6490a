"""Who made a dataset and what one may do with it, as citations and crates want to read it."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

_ORCID = re.compile(r"[(<\[]?\s*(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])\s*[)>\]]?")
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_SPDX = {  # those that data and their tools come under; https://spdx.org/licenses
    each.lower(): each
    for each in (
        *("0BSD", "AGPL-3.0-only", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause"),
        *("BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0"),
        *("CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0"),
        *("CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "GPL-2.0-only"),
        *("GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-or-later", "MIT"),
        *("MPL-2.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "Unlicense"),
    )
}
NO_LICENCE = "No licence was stated: ask the creators before you use it."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a group, who made a dataset.

    Attributes
    ----------
    name : str
    orcid : str
        An address, or empty.
    """

    name: str
    orcid: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a name, perhaps with an ORCID iD beside it."""
        found = _ORCID.search(text)
        if found is None:
            return cls(text.strip())
        name = (text[: found.start()] + text[found.end() :]).strip()
        return cls(name or found[1], f"https://orcid.org/{found[1]}")

    @property
    def identifier(self) -> str:
        """What a crate calls the person."""
        return self.orcid or f"#{quote(self.name, safe='')}"

    @property
    def names(self) -> tuple[str, str] | None:
        """Family and given names where they were written so: ``"Leavitt, Henrietta"``."""
        family, comma, given = (part.strip() for part in self.name.partition(","))
        return (family, given) if comma and family and given else None


@dataclass(frozen=True, slots=True)
class Licence:
    """What one may do with a dataset.

    Attributes
    ----------
    text : str
        As it was given.
    spdx, address : str
        Its SPDX identifier and where it stands, or empty.
    """

    text: str
    spdx: str = ""
    address: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Read an SPDX identifier, an address, or words."""
        said = text.strip()
        spdx = _SPDX.get(said.lower(), "")
        if spdx:
            return cls(said, spdx, f"https://spdx.org/licenses/{spdx}")
        return cls(said or NO_LICENCE, address=said if _ADDRESS.fullmatch(said) else "")

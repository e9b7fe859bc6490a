"""What a translation is: cards in the words that all readers understand.

An archive's dialect is translated once, into the FITS standard's words and the commonest others
(``DATE-OBS``, ``MJD-OBS``, ``TIMESYS``, ``FILTER``, ``XPOSURE``, ``MAGZERO``, ``SEEING``,
``CCDNUM``, ``SURVEY``). A card of None hides one whose meaning here is not what it seems.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from astrid_sdk.sky.cards import Cards, Value

Said: TypeAlias = Value | tuple[Value, str] | None
"""A value, a value with its comment, or None to hide the card."""


@dataclass(frozen=True, slots=True)
class Translation:
    """Cards to put over a header's own, and what is to be known of its pixels.

    Attributes
    ----------
    cards : mapping of str to value, (value, comment) or None
    remarks : tuple of str
        In sentences, for the summary's warnings.
    """

    cards: Mapping[str, Said] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def over(self, header: Cards) -> Cards:
        """Return `header` with the translated cards in place of its own."""
        if not self.cards:
            return header
        pairs = {key: said if isinstance(said, tuple) else (said, "") for key, said in self._said()}
        values = {key: value for key, (value, _) in pairs.items()}
        comments = {key: comment for key, (_, comment) in pairs.items()}
        hidden = {key for key, said in self.cards.items() if said is None}
        return Cards(values, comments).over(header.without(hidden) if hidden else header)

    def _said(self) -> list[tuple[str, Value | tuple[Value, str]]]:
        return [(key, said) for key, said in self.cards.items() if said is not None]

"""The dialects of archives, each translated into the words of the FITS standard.

To teach the parser one more: a module with two functions, ``speaks(header)`` and
``translation(header, name)``, and its name in the row below.
"""

from typing import Protocol

from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.dialects import galex, hst, ps1, sdss, swift, tess, ztf
from astrid_sdk.sky.dialects.translation import Translation
from astrid_sdk.sky.remembered import remembered


class Dialect(Protocol):
    """A module of this folder."""

    def speaks(self, header: Cards, /) -> bool:
        """Return whether `header` is in this dialect."""

    def translation(self, header: Cards, name: str, /) -> Translation:
        """Return the cards to put over those of `header`, from a file called `name`."""


_DIALECTS: tuple[Dialect, ...] = (galex, hst, ps1, sdss, swift, tess, ztf)
_COMMON = Translation()


def translation_of(header: Cards, name: str = "") -> Translation:
    """Return the translation of `header`; an empty one where its dialect is the common one."""
    dialect = _dialect_of(header)
    return _COMMON if dialect is None else dialect.translation(header, name)


@remembered
def _dialect_of(header: Cards) -> Dialect | None:
    return next((dialect for dialect in _DIALECTS if dialect.speaks(header)), None)

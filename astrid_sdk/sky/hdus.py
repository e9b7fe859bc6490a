"""The HDUs of a file as content: images, tables, and the words that belong to each.

Headers only: no pixel is read, and no FITS library is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from astrid_sdk.errors import InvalidInputError
from astrid_sdk.sky.blocks import HduHeader
from astrid_sdk.sky.cards import Cards
from astrid_sdk.sky.header_words import wcs_text, wcs_words

_PLANE_AXES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words that belong to an HDU.

    Attributes
    ----------
    own : Cards
        Of the HDU alone.
    cards : Cards
        Its own over the primary's. The WCS is not inherited from a primary that has pixels of its
        own, nor where INHERIT is F.
    wcs : Cards
        Those that make the WCS, all of one HDU: one that is written here is whole, and a
        reference frame that the primary names for its pointing is none of it.
    texts : tuple of str
        The headers that the WCS is read from.
    """

    own: Cards
    cards: Cards
    wcs: Cards
    texts: tuple[str, ...] = ()

    def wcs_text(self) -> str:
        """Return the cards of the WCS, verbatim."""
        return "".join(map(wcs_text, self.texts))


def shape_of(hdu: HduHeader) -> tuple[int, ...]:
    """Return the lengths of an image's axes, the slowest first; empty for what is no image."""
    claims = hdu.claims
    if claims.packed_axes:
        return claims.packed_axes[::-1]
    is_image = not claims.is_table and hdu.cards.get("XTENSION", "IMAGE") == "IMAGE"
    return claims.axes[::-1] if is_image else ()


def is_image(hdu: HduHeader) -> bool:
    """Return whether `hdu` is an image with at least two real axes; spectra are not."""
    shape = shape_of(hdu)
    return len(shape) >= _PLANE_AXES and min(shape[-2:]) > 1


def plane_of(hdu: HduHeader) -> tuple[int, int] | None:
    """Return (ny, nx) of an image, or None where there is more than one plane."""
    *planes, ny, nx = shape_of(hdu)
    return (ny, nx) if all(count == 1 for count in planes) else None


def tables_in(hdus: Sequence[HduHeader]) -> list[HduHeader]:
    """Return the tables; a compressed image is none."""
    return [hdu for hdu in hdus if hdu.claims.is_table and not hdu.claims.packed_axes]


def planes_in(hdus: Sequence[HduHeader], name: str = "") -> list[HduHeader]:
    """Return the two-dimensional images; none where the file holds tables only.

    Raises
    ------
    InvalidInputError
        Kind ``cube`` where all images are cubes, ``no_image`` where there is neither image nor
        table.
    """
    images = [hdu for hdu in hdus if is_image(hdu)]
    planes = [hdu for hdu in images if plane_of(hdu) is not None]
    if images and not planes:
        raise cube(shape_of(images[0]), name)
    if not planes and not tables_in(hdus):
        raise InvalidInputError(
            f"{name or 'the file'} holds no two-dimensional image and no table: there is nothing "
            "in it to keep",
            kind="no_image",
        )
    return planes


def cube(shape: tuple[int, ...], name: str) -> InvalidInputError:
    """Return the refusal of a data cube."""
    return InvalidInputError(
        f"{name or 'the file'} holds a data cube {shape}, not an image: split it into its planes",
        kind="cube",
    )


def cards_of(hdu: HduHeader, primary: HduHeader) -> Cards:
    """Return the cards of `hdu` over those of `primary`."""
    return hdu.cards if hdu.index == primary.index else hdu.cards.over(primary.cards)


def words_of(hdu: HduHeader, primary: HduHeader) -> Words:
    """Return the words that belong to `hdu` in the file of `primary`."""
    merged = cards_of(hdu, primary)
    is_primary = hdu.index == primary.index
    inherits = (
        not primary.claims.axes
        and hdu.cards.get("INHERIT", True) is not False
        and "CTYPE1" not in hdu.cards
    )
    below = (primary.text,) if inherits and not is_primary else ()
    wcs = merged if below else hdu.cards
    return Words(hdu.cards, merged, wcs.only(wcs_words(wcs.layout)), (hdu.text, *below))

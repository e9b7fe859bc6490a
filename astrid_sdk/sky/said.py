"""What each image of a file says, or each table of a file without images: a summary's values."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from astrid_sdk.sky import dialect
from astrid_sdk.sky.blocks import HduHeader
from astrid_sdk.sky.cards import Cards, Value
from astrid_sdk.sky.dialect import Role
from astrid_sdk.sky.dialects import translation_of
from astrid_sdk.sky.exposure_words import exposure_words, written_scale_arcsec
from astrid_sdk.sky.hdus import Words, plane_of, tables_in, words_of
from astrid_sdk.sky.header_words import searchable
from astrid_sdk.sky.identity import Exposure, observation_id
from astrid_sdk.sky.names import exposure_of_name
from astrid_sdk.sky.placement import placement_of, with_calibration

_MAX_COLUMNS = 200


def said_by(
    hdus: Sequence[HduHeader],
    planes: Sequence[HduHeader],
    name: str,
    site_longitude_deg: float | None,
) -> list[dict[str, Any]]:
    """Return the values of a summary for each of `planes`, or for each table where there is none.

    Parameters
    ----------
    hdus : sequence of HduHeader
        All of the file.
    planes : sequence of HduHeader
        The images among them.
    name : str
        Of the file.
    site_longitude_deg : float or None
        As in `astrid_sdk.sky.summary.summarize`.
    """
    if not planes:
        return [_table_values(hdu, hdus[0], name, site_longitude_deg) for hdu in tables_in(hdus)]
    seen = [_Seen.of(hdu, hdus[0], name, site_longitude_deg) for hdu in planes]
    return _identified(seen, name)


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """An image with the values of its summary but for the id, and what that is told from."""

    values: dict[str, Any]
    version: Value

    @classmethod
    def of(
        cls, hdu: HduHeader, primary: HduHeader, name: str, configured_deg: float | None
    ) -> "_Seen":
        words = words_of(hdu, primary)
        values = _image_values(hdu, words, name, configured_deg)
        return cls(values, words.own.get("EXTVER", 1))


def _identified(all_seen: list[_Seen], name: str) -> list[dict[str, Any]]:
    """Return the values with observation ids; planes of one EXTVER speak for each other."""
    if len(all_seen) == 1:
        values = all_seen[0].values
        return [values | {"observation_id": _id_of(values, None, name)}]
    groups: dict[Value, list[_Seen]] = {}
    counts = Counter(seen.values["role"] for seen in all_seen)
    places: Counter[Role] = Counter()
    found = []
    for seen in all_seen:
        groups.setdefault(seen.version, []).append(seen)
    for seen in all_seen:
        role = seen.values["role"]
        part = places[role] if counts[role] > 1 else None
        places[role] += 1
        named = _id_of(_speaker(seen, groups), part, name)
        found.append(seen.values | {"observation_id": named})
    return found


def _speaker(seen: _Seen, groups: Mapping[Value, list[_Seen]]) -> Mapping[str, Any]:
    """Return the values that tell of what `seen` is: of the one image of its EXTVER, else its."""
    group = [other.values for other in groups[seen.version]]
    images = [values for values in group if values["role"] is Role.IMAGE]
    is_alone = len(images) == 1 and images[0]["shape"] == seen.values["shape"]
    return images[0] if is_alone else seen.values


def _id_of(said: Mapping[str, Any], part: int | None, name: str) -> str | None:
    """Return the observation id; detectors without a name are known by their place in the file."""
    return observation_id(
        Exposure(
            taken_by=said["instrument"] or said["telescope"],
            start=said["observation_time"],
            detector=said["detector"],
            filter_band=said["filter_band"],
            shape=said["shape"],
            part=part if said["detector"] is None else None,
            exposure_time_s=said["exposure_time_s"],
            named=exposure_of_name(name),
        )
    )


def _image_values(
    hdu: HduHeader, words: Words, name: str, configured_deg: float | None
) -> dict[str, Any]:
    header, remarks = _translated(words.cards, name)
    shape = plane_of(hdu) or (0, 0)
    failed = dialect.text_of(header, "WCSCAL") or ""
    place = with_calibration(placement_of(words.wcs, words.wcs_text, shape), failed)
    extname = str(words.own.get("EXTNAME", ""))
    bits = words.own.get("ZBITPIX", hdu.claims.bits)
    scale = place.pixel_scale_arcsec or written_scale_arcsec(header)
    kept, unkept = searchable(words.cards)
    return {
        "hdu_index": hdu.index,
        "role": dialect.role_of(extname, (header,), name),
        "shape": shape,
        "bitpix": int(bits),
        "ra_deg": place.ra_deg,
        "dec_deg": place.dec_deg,
        "radius_deg": place.radius_deg,
        "footprint": place.footprint,
        "pixel_scale_arcsec": scale,
        "zero_point_mag": dialect.zero_point_of(header),
        "frame_type": dialect.frame_type_of(header),
        "seeing_arcsec": dialect.seeing_of(header, scale),
        **exposure_words(header, configured_deg, (*remarks, *place.warnings, *unkept)),
        "header": kept,
    }


def _table_values(
    hdu: HduHeader, primary: HduHeader, name: str, configured_deg: float | None
) -> dict[str, Any]:
    words = words_of(hdu, primary)
    header, remarks = _translated(words.cards, name)
    kept, unkept = searchable(words.cards)
    rows = hdu.claims.axes[1] if len(hdu.claims.axes) > 1 else 0
    return {
        "hdu_index": hdu.index,
        "role": Role.TABLE,
        "shape": (rows, _column_count(hdu)),
        "bitpix": hdu.claims.bits,
        **exposure_words(header, configured_deg, (*remarks, *unkept)),
        "columns": tuple(_columns(hdu)),
        "header": kept,
    }


def _translated(cards: Cards, name: str) -> tuple[Cards, tuple[str, ...]]:
    translation = translation_of(cards, name)
    return translation.over(cards), translation.remarks


def _column_count(hdu: HduHeader) -> int:
    count = hdu.cards.get("TFIELDS")
    return count if isinstance(count, int) and count > 0 else 0


def _columns(hdu: HduHeader) -> Iterator[str]:
    for place in range(1, min(_column_count(hdu), _MAX_COLUMNS) + 1):
        yield str(hdu.cards.get(f"TTYPE{place}", f"col{place}"))

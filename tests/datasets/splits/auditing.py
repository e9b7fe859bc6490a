"""An audit of a split that uses nothing of ours: Delta tables, plain Python, astropy's angles."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord
from deltalake import DeltaTable


def audit(tables: str, split: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a split.

    Parameters
    ----------
    tables : str
        Folder of the Delta tables.
    split, manifest : mapping
        As they are stored, read as JSON.
    """
    side = {path: name for name, found in split["samples"] for path, _, _ in found}
    held = {path for path, *_ in split["held_out_conflict"]}
    files = {file["path"]: file for file in manifest["files"] if file["role"] == "triplet"}
    wrong = [f"{path} is nowhere or twice" for path in files if (path in side) == (path in held)]
    wrong += [f"{path} is no sample" for path in (side.keys() | held) - files.keys()]
    parents = _parents(tables)
    exposures = _exposures(tables)
    known = {
        path: _above(files[path]["content_hash"], parents, split["rules"]["shared_steps"])
        for path in side
    }
    wrong += _shared(side, known, "ancestor")
    seen = {
        path: {each for content in above for each in exposures[content]}
        for path, above in known.items()
    }
    wrong += _shared(side, seen, "exposure")
    return wrong + _near(side, files, split["rules"]["radius_arcsec"])


def _parents(tables: str) -> dict[str, tuple[str, list[str]]]:
    """Return of each content the step that made it first, and what that used."""
    rows = DeltaTable(f"{tables}/derivations").to_pandas().sort_values(["created_at", "key"])
    made: dict[str, tuple[str, list[str]]] = {}
    for row in rows.to_dict("records"):
        for output in row["outputs"]:
            inputs = [
                it for hashes in json.loads(row["object"])["inputs"].values() for it in hashes
            ]
            made.setdefault(output, (row["step"], inputs))
    return made


def _exposures(tables: str) -> defaultdict[str, set[str]]:
    rows = DeltaTable(f"{tables}/records").to_pandas()
    told: defaultdict[str, set[str]] = defaultdict(set)
    for content, exposure in zip(rows["content_hash"], rows["observation_id"], strict=True):
        if isinstance(exposure, str):
            told[content].add(exposure)
    return told


def _above(
    content: str, parents: Mapping[str, tuple[str, list[str]]], shared_steps: Iterable[str]
) -> set[str]:
    found, waiting = {content}, [content]
    while waiting:
        _, inputs = parents.get(waiting.pop(), ("", []))
        for it in inputs:
            if it not in found and parents.get(it, ("", []))[0] not in shared_steps:
                found.add(it)
                waiting.append(it)
    return found


def _shared(side: Mapping[str, str], known: Mapping[str, set[str]], what: str) -> list[str]:
    on: defaultdict[str, set[str]] = defaultdict(set)
    for path, found in known.items():
        for it in found:
            on[it].add(side[path])
    return [f"{what} {it} is behind {sorted(sides)}" for it, sides in on.items() if len(sides) > 1]


def _near(
    side: Mapping[str, str], files: Mapping[str, Mapping[str, Any]], radius_arcsec: float
) -> list[str]:
    placed = [path for path in side if files[path]["ra_deg"] is not None]
    ra, dec = ([files[path][name] for path in placed] for name in ("ra_deg", "dec_deg"))
    places = SkyCoord(ra * u.deg, dec * u.deg)
    wrong = []
    for one, other in combinations(range(len(placed)), 2):
        if side[placed[one]] != side[placed[other]]:
            apart = places[one].separation(places[other]).arcsec
            if apart <= radius_arcsec:
                wrong.append(f"{placed[one]} and {placed[other]} are {apart} arcsec apart")
    return wrong

"""What the names of archives' files say: an image's role, and which exposure it is of.

Names are believed where their pattern leaves no doubt. Patterns: NOIRLab Data Handbook; ZTF Science
Data System, section 11; Swift archive, file naming; GALEX, list of data products; Pan-STARRS1
archive, stack and warp images.
"""

import enum
import re
from pathlib import PurePath


class Role(enum.StrEnum):
    """What an image says about an observation; a table is none."""

    IMAGE = "image"
    WEIGHT = "weight"  # how well each pixel is known: weight, variance, error, coverage
    MASK = "mask"  # why a pixel is not to be trusted
    TABLE = "table"  # rows: a catalogue, a light curve, events


_W, _M, _I = Role.WEIGHT, Role.MASK, Role.IMAGE
# c4d_180518_044138_ooi_r_v1: image, w(eight), d(ata quality). Cut-outs of all three say
# PRODTYPE = 'image'.
_NOIRLAB = re.compile(r"^([a-z0-9]{3}_\d{6}_\d{6})_[a-z]{2}([iwd])_")
_ZTF = re.compile(r"^(ztf_\d{14}_\d{6}_z[gri]_c\d{2}_[a-z]_q\d)_([a-z0-9]+)\.")
_GALEX = re.compile(r"^(.+-[nfx][dg])-(int|cnt|intbgsub|rrhr|rr|wt|flags)\.fits")
_PATTERNS: tuple[tuple[re.Pattern[str], dict[str, Role]], ...] = (
    (_NOIRLAB, {"i": _I, "w": _W, "d": _M}),
    (_ZTF, {"sciimg": _I, "scimrefdiffimg": _I, "mskimg": _M}),
    (
        re.compile(r"^(ztf_\d{6}_z[gri]_c\d{2}_q\d)_([a-z]+)\."),
        {"refimg": _I, "refcov": _W, "refunc": _W},
    ),
    (
        re.compile(r"^(sw\d{11}u[a-z0-9]{2})_([a-z]{2,3})[._]"),
        {"sk": _I, "rw": _I, "ex": _W, "lss": _W, "sss": _W, "mk": _M},
    ),
    (
        _GALEX,
        {"int": _I, "cnt": _I, "intbgsub": _I, "rrhr": _W, "rr": _W, "wt": _W, "flags": _M},
    ),
    (
        re.compile(r"^(.*skycell\.\d+\.\d+\.(?:stk|wrp)\..*?)\.(mask|wt|exp|expwt|num)\.fits"),
        {"mask": _M, "wt": _W, "exp": _W, "expwt": _W, "num": _W},
    ),
)


def file_name(path: str) -> str:
    """Return the last part of `path`, as `PurePath.name`, which costs more, does."""
    name = path.rpartition("/")[2]
    return name if name not in {"", ".", ".."} else PurePath(path).name


def role_of_name(name: str) -> Role | None:
    """Return the role that a file's name tells, or None where it tells none."""
    stem = file_name(name).lower()
    for pattern, roles in _PATTERNS:
        found = pattern.match(stem)
        if found and found.group(2) in roles:
            return roles[found.group(2)]
    return None


def exposure_of_name(name: str) -> str | None:
    """Return what the image, weight and mask of one exposure share in their names, or None.

    Known of NOIRLab (all detectors in one file), of ZTF (a quadrant in each) and of GALEX.
    """
    stem = file_name(name).lower()
    found = _NOIRLAB.match(stem) or _ZTF.match(stem) or _GALEX.match(stem)
    return found.group(1) if found else None

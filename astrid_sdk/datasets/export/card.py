"""README.md of an export: what is in it, how to cite, verify and load it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from astrid_sdk.datasets.export.citation import citation
from astrid_sdk.datasets.export.credits import Licence
from astrid_sdk.datasets.export.listing import MANIFEST
from astrid_sdk.datasets.export.samples import texts
from astrid_sdk.datasets.export.subject import DATA, ExportSubject
from astrid_sdk.datasets.export.wording import markdown, one_line
from astrid_sdk.rendering import counted, human_bytes
from astrid_sdk.sky.sphere import angle, positions, unit_vectors

_MOST_ROWS = 50
_WHOLE_SKY_DEG = 90.0
_LOADING = {  # by the file that must be there: what to import, and how to read it
    "samples.parquet": ("pandas", "pandas.read_parquet('samples.parquet')"),
    "samples.fits": ("astropy.table", "astropy.table.Table.read('samples.fits')"),
    "tensors.parquet": (
        "pyarrow.parquet",
        "pyarrow.parquet.read_table('tensors.parquet')['tensor'].combine_chunks()",
    ),
    "tensors.npy": (
        "numpy",
        "numpy.load('tensors.npy', mmap_mode='r')  # its rows: tensors.index.json",
    ),
    "hats/properties": ("hats", "hats.read_hats('hats')  # or lsdb.open_catalog('hats')"),
    "dataset.json": (
        "json, pathlib",
        "json.loads(pathlib.Path('dataset.json').read_text())  # every file's hash and sources",
    ),
}


def card(subject: ExportSubject, table: pa.Table, place: Path) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    subject : ExportSubject
    table : pyarrow.Table
        As `sample_table` returns it.
    place : Path
        The folder of the export, with all but its papers in it.
    """
    return "".join(f"{line}\n" for line in _lines(subject, table, place))


def _lines(subject: ExportSubject, table: pa.Table, place: Path) -> Iterator[str]:
    version = subject.version
    yield f"# {version.name}"
    yield ""
    yield markdown(subject.description)
    yield ""
    yield from _facts(subject, table)
    yield ""
    yield from _counts("Classes", "label", texts(table, "label"))
    yield from _counts("Sides of the split", "side", texts(table, "side"))
    yield from _counts("Filters", "filter", texts(table, "filter_band"))
    yield from _counts("Roles", "role", texts(table, "role"))
    yield from _left_out(subject)
    yield from _section("How it was made", markdown(subject.about.how) or _how(subject))
    yield from _section("How to cite", markdown(citation(subject)))
    yield from _section("Licence", markdown(Licence.of(subject.about.licence).text))
    yield from _section("How to verify", f"```\nsha256sum -c {MANIFEST}\n```")
    yield from _section("How to load", "\n".join(_loading(place)))


def _facts(subject: ExportSubject, table: pa.Table) -> Iterator[str]:
    version = subject.version
    files = f"{table.num_rows:,}"
    size = sum(size or 0 for size in table["size_bytes"].to_pylist())
    raw = len({source for file in subject.manifest.files for source in file.sources})
    told = {
        "Files": f"{files}, {human_bytes(size)} together",
        "Raw observations behind them": f"{raw:,}",
        "Sky": _sky(table),
        "Version": f"{version.number}, of {version.created_at:%Y-%m-%d %H:%M} UTC",
        "Versioned by": one_line(version.author),
        "Message": one_line(version.message),
        "Made from": one_line(", ".join(version.parents) or "nothing before it"),
        "Git revision": one_line(version.git_revision or "not told"),
        "Identifier": f"`{subject.identifier}`",
    }
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {value} |" for name, value in told.items())
    for name, value in (*subject.about.details.items(), *version.details.items()):
        yield f"| {one_line(name)} | {one_line(value)} |"


def _sky(table: pa.Table) -> str:
    ra, dec = (np.asarray(table[name].to_pandas(), float) for name in ("ra_deg", "dec_deg"))
    known = np.isfinite(ra) & np.isfinite(dec)
    if not known.any():
        return "no position is known"
    vectors = unit_vectors(ra[known], dec[known])
    middle = vectors.mean(axis=0)
    count = f"{known.sum():,} with a position"
    reach = 180.0 if not middle.any() else float(np.degrees(angle(vectors, middle).max()))
    if reach > _WHOLE_SKY_DEG:
        return f"{count}, all over the sky"
    (centre_ra, centre_dec) = (float(value) for value in positions(middle))
    return f"{count}, within {reach:.3f} deg of RA {centre_ra:.4f}, Dec {centre_dec:+.4f} (ICRS)"


def _counts(title: str, head: str, values: Sequence[str | None]) -> Iterator[str]:
    found = Counter(value for value in values if value is not None)
    if not found:
        return
    rows = [(one_line(name), f"{count:,}") for name, count in _most_first(found)[:_MOST_ROWS]]
    if len(found) > _MOST_ROWS:
        rows.append((f"{len(found) - _MOST_ROWS} more", ""))
    if unsaid := sum(value is None for value in values):
        rows.append(("not told", f"{unsaid:,}"))
    cells = "\n".join(f"| {name} | {count} |" for name, count in rows)
    yield from _section(title, f"| {head} | files |\n|---|---:|\n{cells}")


def _most_first(found: Counter[str]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _left_out(subject: ExportSubject) -> Iterator[str]:
    left_out = subject.manifest.left_out
    if not left_out:
        return
    rows = [f"| {one_line(each.night)} | {one_line(each.reason)} |" for each in left_out]
    shown = "\n".join(rows[:_MOST_ROWS])
    more = f"\n\n{len(rows) - _MOST_ROWS} more: dataset.json" if len(rows) > _MOST_ROWS else ""
    yield from _section("Nights left out", f"| night | reason |\n|---|---|\n{shown}{more}")


def _how(subject: ExportSubject) -> str:
    raw = len({source for file in subject.manifest.files for source in file.sources})
    if not raw:
        return "See prov.json: every step, with its code version, parameters and inputs."
    return (
        f"From {counted(raw, 'raw observation')}; prov.json tells every step, with its code "
        "version, parameters and inputs."
    )


def _loading(place: Path) -> Iterator[str]:
    found = {name: how for name, how in _LOADING.items() if (place / name).is_file()}
    yield "```python"
    yield f"import {', '.join(library for library, _ in found.values())}"
    yield ""
    yield from (call for _, call in found.values())
    yield "```"
    if "samples.parquet" in found:
        yield ""
        yield "Units, UCDs and descriptions are in the metadata of the Parquet file's fields."
    if (place / DATA).is_dir():
        yield ""
        yield f"The files themselves are in `{DATA}/`; the column `path` names them."


def _section(title: str, body: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield body
    yield ""

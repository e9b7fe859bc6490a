"""How long a cone search takes in a large catalogue: ``python -m benchmarks.catalog``.

The catalogue is an embedded store with `--rows` made-up exposures in record packs, indexed by
`Catalog.rebuild`. *Cold* is a new session in a process that has imported its libraries; *warm* is
a session that has searched before, at places where it has not. Both list the record packs, for
others may have stored something: that is part of the time.
"""

import argparse
import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from deltalake import DeltaTable

from astrid_sdk.catalog.index_table import FORMAT
from benchmarks.catalog_peers import PEERS, SHOWN, Cone, Peer
from benchmarks.catalog_rows import Sky, described, write_sky

COLD_GOAL_S = 1.0
WARM_GOAL_S = 0.05
_RADIUS_DEG = 0.5
_SEARCHES = 20
_BUCKET = "astrid-storage"
ROOT = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Timing:
    """What one contender took: seconds of the first search, and of those after it."""

    name: str
    cold_s: float
    warm_s: tuple[float, ...]
    found: int

    def line(self) -> str:
        """Return the row of the table."""
        warm = f"{statistics.median(self.warm_s):>10.4f}{max(self.warm_s):>10.4f}"
        return f"{self.name:<22}{self.cold_s:>10.3f}{warm}{self.found:>10}"


def main() -> None:
    """Make the catalogue where it is not there yet, and measure."""
    options = _options()
    with _folder(options.folder) as parent:
        sky = Sky(options.rows, options.derivations)
        store = parent / described(sky)
        if not (store / "made").exists():
            _make(sky, store)
        print(f"{sky.rows} rows, {sky.derivations} derivations; cones of {_RADIUS_DEG} degrees\n")
        print(f"{'':<22}{'cold s':>10}{'warm s':>10}{'worst s':>10}{'found':>10}", flush=True)
        for who in ["ours", *(peer.__name__ for peer in PEERS)]:
            command = [sys.executable, "-m", "benchmarks.catalog", "--measure", who, str(store)]
            subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603 - this very module
        print(f"\ngoals: cold {COLD_GOAL_S} s, warm {WARM_GOAL_S} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--derivations", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="keep the catalogue here for the next run")
    return parser.parse_args()


class _folder(tempfile.TemporaryDirectory[str]):  # noqa: N801 - used like a function
    """The folder that was named, or one that is removed at the end."""

    def __init__(self, named: Path | None) -> None:
        self._named = named
        super().__init__(prefix="astrid-benchmark-")

    def __enter__(self) -> Path:  # type: ignore[override]
        if self._named is not None:
            self._named.mkdir(parents=True, exist_ok=True)
        return self._named or Path(super().__enter__())


def _make(sky: Sky, store: Path) -> None:
    import astrid_sdk  # noqa: PLC0415

    with astrid_sdk.connect(store) as session:
        began = time.perf_counter()
        write_sky(sky, store / _BUCKET)
        written = time.perf_counter()
        print(f"written in {written - began:.0f} s", flush=True)
        status = session.catalog.rebuild()
        print(f"indexed and put in order in {time.perf_counter() - written:.0f} s", flush=True)
        for table in status.tables:
            print(f"  {table.name}: {table.rows} rows, {table.files} files, {table.size_bytes} B")
    (store / "made").touch()


def measure(who: str, store: Path) -> None:
    """Measure one contender in this process and print its row."""
    try:
        print(_ours(store).line() if who == "ours" else _peer(who, store).line())
    except ImportError as error:
        print(f"{who:<22}not installed: {error.name}")


def _ours(store: Path) -> Timing:
    import astrid_sdk  # noqa: PLC0415

    with astrid_sdk.connect(store) as session:

        def search(cone: Cone) -> int:
            ra_deg, dec_deg, radius_deg = cone
            rows = session.find(ra_deg=ra_deg, dec_deg=dec_deg, radius_deg=radius_deg)
            return int(rows.to_arrow(SHOWN).num_rows)

        return _timed("astrid", lambda: None, search)


def _peer(who: str, store: Path) -> Timing:
    peer: Peer = {kind.__name__: kind for kind in PEERS}[who]()
    table = DeltaTable(str(store / _BUCKET / "_catalog" / f"v{FORMAT}" / "records"))
    files = [Path(file) for file in table.file_uris()]
    return _timed(peer.name, lambda: peer.open(files), peer.count)


def _timed(name: str, begin: Callable[[], None], search: Callable[[Cone], int]) -> Timing:
    cones = _cones()
    began = time.perf_counter()
    begin()
    found = search(next(cones))
    cold_s = time.perf_counter() - began
    warm_s = []
    for cone in cones:
        began = time.perf_counter()
        found += search(cone)
        warm_s.append(time.perf_counter() - began)
    return Timing(name, cold_s, tuple(warm_s), found)


def _cones() -> Iterator[Cone]:
    random = np.random.default_rng(7)
    for _ in range(1 + _SEARCHES):
        ra_deg = float(random.uniform(0.0, 360.0))
        yield ra_deg, float(np.degrees(np.arcsin(random.uniform(-1.0, 1.0)))), _RADIUS_DEG


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], Path(sys.argv[3]))
    else:
        main()

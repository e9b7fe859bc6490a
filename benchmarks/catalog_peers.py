"""The same cone by other means: astropy and pandas over all rows, and DuckDB over the Parquet."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

Cone = tuple[float, float, float]
SHOWN = ("content_hash", "name", "ra_deg", "dec_deg")
"""The columns that everybody hands out."""


class Peer(Protocol):
    """Somebody else who can search a cone in the catalogue's own files."""

    name: str

    def open(self, files: Sequence[Path]) -> None:
        """Begin with nothing in memory."""

    def count(self, cone: Cone) -> int:
        """Return how many positions lie in the cone."""


class AstropyPandas:
    """All positions in a data frame, and astropy's separation to every one of them."""

    name = "astropy + pandas"

    def __init__(self) -> None:
        import astropy.coordinates  # noqa: F401, PLC0415 - what is imported is not measured
        import pandas as pd  # noqa: PLC0415

        self._pandas = pd

    def open(self, files: Sequence[Path]) -> None:
        """Read the positions, and what is shown of each row."""
        parts = [self._pandas.read_parquet(file, columns=list(SHOWN)) for file in files]
        self._rows: Any = self._pandas.concat(parts)

    def count(self, cone: Cone) -> int:
        """Return how many positions lie in the cone."""
        from astropy import units  # noqa: PLC0415
        from astropy.coordinates import SkyCoord  # noqa: PLC0415

        ra_deg, dec_deg, radius_deg = cone
        ra, dec = self._rows["ra_deg"].to_numpy(), self._rows["dec_deg"].to_numpy()
        places = SkyCoord(ra * units.deg, dec * units.deg)
        apart = SkyCoord(ra_deg * units.deg, dec_deg * units.deg).separation(places)
        return len(self._rows[apart <= radius_deg * units.deg])


class DuckDb:
    """SQL over the same Parquet files, nothing loaded beforehand."""

    name = "DuckDB over Parquet"

    def __init__(self) -> None:
        import duckdb  # noqa: PLC0415

        self._duckdb = duckdb

    def open(self, files: Sequence[Path]) -> None:
        """Open a database in memory that knows the files by name."""
        self._files = [str(file) for file in files]
        self._database = self._duckdb.connect()

    def count(self, cone: Cone) -> int:
        """Return how many positions lie in the cone."""
        ra_deg, dec_deg, radius_deg = cone
        rows = self._database.execute(
            """
            SELECT content_hash, name, ra_deg, dec_deg FROM read_parquet(?)
            WHERE dec_deg BETWEEN $2 - $3 AND $2 + $3
              AND 2 * asin(sqrt(pow(sin(radians(dec_deg - $2) / 2), 2)
                  + cos(radians(dec_deg)) * cos(radians($2))
                  * pow(sin(radians(ra_deg - $4) / 2), 2))) <= radians($3)
            """.replace("?", "$1"),
            [self._files, dec_deg, radius_deg, ra_deg],
        ).fetchall()
        return len(rows)


PEERS = (AstropyPandas, DuckDb)

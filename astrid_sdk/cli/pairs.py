"""``astrid pairs``: science frames with the references to subtract from them."""

from pathlib import Path
from typing import Any

import click

from astrid_sdk.cli.options import limit_option, store_option
from astrid_sdk.cli.stores import open_existing_store

_SHARE = click.FloatRange(0, 1)
_DAYS = click.FloatRange(min=0)


@click.command()
@click.argument("target", required=False)
@click.option("--cone", nargs=3, type=float, metavar="RA DEC RADIUS", help="ICRS, degrees.")
@click.option("--filter", "filter_band", help="Such as r.")
@click.option("--tier", help="Of both; raw-observations by default.")
@click.option("--night", help="Of the science frames: local date of the evening.")
@click.option("--after", help="Exposure start of the science frames, UTC, ISO.")
@click.option("--before", help="Exposure start of the science frames, UTC, ISO.")
@click.option(
    "--reference",
    type=click.Choice(["before", "after", "any"]),
    help="When references were taken; before by default.",
)
@click.option("--min-overlap", type=_SHARE, help="Part of the science frame; 0.5 by default.")
@click.option("--min-gap", "min_gap_days", type=_DAYS, help="Days between the two; 1 by default.")
@click.option("--max-gap", "max_gap_days", type=_DAYS, help="Days between the two.")
@click.option(
    "--best",
    "max_pairs_per_science",
    type=click.IntRange(min=1),
    help="How many references of each science frame; 10 by default.",
)
@click.option(
    "--transients",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Known transients, CSV or Parquet: name, ra_deg, dec_deg, first_light.",
)
@click.option(
    "--exclude-contaminated",
    is_flag=True,
    default=None,
    help="Leave out references that may hold a known transient.",
)
@limit_option
@store_option
def pairs(
    target: str | None,
    cone: tuple[float, float, float] | None,
    transients: Path | None,
    limit: int,
    store: str,
    **conditions: Any,
) -> None:
    """List science frames and references of one survey and filter.

    TARGET is a pattern for the object's name, such as M31 or 'sn2024*'. The best reference of a
    science frame comes first. A reference that was taken after first light of a known transient
    is named.
    """
    from astrid_sdk.catalog.pairs.finding import find_pairs  # noqa: PLC0415 - is slow to import
    from astrid_sdk.catalog.pairs.known_transients import read_transients  # noqa: PLC0415 - pandas
    from astrid_sdk.cli.pair_listing import pair_listing  # noqa: PLC0415

    given = {name: value for name, value in conditions.items() if value is not None}
    if cone:
        given |= dict(zip(("ra_deg", "dec_deg", "radius_deg"), cone, strict=True))
    if transients:
        given["known_transients"] = read_transients(transients.read_bytes())
    for line in pair_listing(
        find_pairs(open_existing_store(store).catalog, target, **given), limit
    ):
        click.echo(line)

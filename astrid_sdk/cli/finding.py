"""``astrid find``: what is stored, by what is known of it."""

import json
from typing import Any

import click

from astrid_sdk.cli.options import limit_option, store_option
from astrid_sdk.cli.stores import open_existing_store
from astrid_sdk.errors import InvalidInputError


@click.command()
@click.option("--tier", multiple=True, help="Such as raw-observations or detections.")
@click.option("--name", multiple=True, help="A pattern, such as 'sn2024*'.")
@click.option("--object", "object_name", multiple=True, help="A pattern for the target's name.")
@click.option("--night", multiple=True, help="Local date of the evening, YYYY-MM-DD; or undated.")
@click.option("--filter", "filter_band", multiple=True, help="Such as r.")
@click.option("--instrument", multiple=True, help="As the header calls it.")
@click.option("--survey", multiple=True, help="As the header calls it.")
@click.option("--role", multiple=True, help="Such as image, frame, detections, triplet-001.")
@click.option("--purpose", help="science or reference.")
@click.option("--step", multiple=True, help="What made it, such as subtract.")
@click.option("--observation", "observation_id", multiple=True, help="Image, weight and mask.")
@click.option("--after", help="Exposure start, UTC, ISO.")
@click.option("--before", help="Exposure start, UTC, ISO.")
@click.option("--cone", nargs=3, type=float, metavar="RA DEC RADIUS", help="ICRS, degrees.")
@click.option(
    "--box",
    nargs=4,
    type=float,
    metavar="RA RA DEC DEC",
    help="Least and greatest RA and Dec, degrees.",
)
@click.option(
    "--polygon",
    metavar="'RA,DEC RA,DEC …'",
    help="Corners in order, degrees, in one pair of quotes.",
)
@click.option(
    "--header",
    "cards",
    multiple=True,
    metavar="KEY=VALUE",
    help="A card of the header: AIRMASS=1..1.5, GAIN=2 or OBSERVER='smith*'.",
)
@click.option("--as-of", help="Answer as the catalogue would have then, ISO.")
@click.option("--include-excluded", is_flag=True, help="Also what is left out.")
@limit_option
@store_option
def find(store: str, limit: int, polygon: str, cards: tuple[str, ...], **given: Any) -> None:
    """List what is stored and meets all conditions.

    An option that is given several times is met by any of its values.
    """
    from astrid_sdk.cli.listing import listing  # noqa: PLC0415 - pyarrow takes a while to import

    conditions = {name: value for name, value in given.items() if value}
    if cone := conditions.pop("cone", None):
        conditions |= dict(zip(("ra_deg", "dec_deg", "radius_deg"), cone, strict=True))
    if polygon:
        conditions["polygon"] = [_corner(corner) for corner in polygon.split()]
    if cards:
        conditions["header"] = dict(_card(card) for card in cards)
    found = open_existing_store(store).find(**conditions)
    for line in listing(found, limit):
        click.echo(line)
    if not found:
        click.echo(f"nothing found: {found.why_empty}")


def _corner(text: str) -> list[float]:
    try:
        ra_deg, dec_deg = map(float, text.split(","))
    except ValueError:
        raise InvalidInputError(
            f"--polygon takes corners such as '10,5 12,5 11,7', not {text!r}"
        ) from None
    return [ra_deg, dec_deg]


def _card(text: str) -> tuple[str, Any]:
    """Return keyword and value: a range where two dots are, else a number or a pattern."""
    keyword, equals, value = text.partition("=")
    if not equals or not keyword.strip():
        raise InvalidInputError(f"--header takes KEY=VALUE, such as AIRMASS=1..1.5, not {text!r}")
    low, dots, high = value.partition("..")
    ends = (_number(low), _number(high))
    if dots and all(isinstance(end, float | None) for end in ends):
        return keyword, ends
    number = _number(value)
    return keyword, value if number is None else number


def _number(text: str) -> Any:
    """Return a number or truth value, None for nothing, and other text as it is."""
    words = {"": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return float(json.loads(text))
    except (ValueError, TypeError):
        return text

"""Which frames show the same sky: grouping for templates, and the choice of one."""

from collections.abc import Sequence

from astrid_sdk.pipeline.manifest import Item
from astrid_sdk.sky.footprint import separation_deg
from astrid_sdk.sky.summary import Summary

# Two pointings are one field when their centres are closer than this part of the smaller radius.
_SAME_FIELD = 0.7


def group_by_field(items: Sequence[Item]) -> list[list[Item]]:
    """Return `items` grouped by field, filter and instrument, in the order of their names.

    Frames with a WCS share a field when their centres are close; frames without one when object
    name and shape agree.
    """
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.name, item.content_hash)):
        for group in groups:
            if _one_template(group[0].summary, item.summary):
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def template_for(science: Item, templates: Sequence[Item]) -> Item | None:
    """Return the template to subtract from `science`, or None where none has its sky and filter.

    A template of the same instrument wins over one of another; then the closer one, of those
    that overlap at all. Where either has no WCS, one of the same object and shape wins, and the
    stars decide later whether it is the same sky.
    """
    ours = science.summary
    fitting = [item for item in templates if _usable(ours, item.summary)]
    return min(fitting, key=lambda item: _distance(ours, item), default=None)


def field_name(summary: Summary) -> str:
    """Return what people call the field: the object's name, or the centre's position."""
    if summary.object_name and summary.object_name.strip():
        return summary.object_name.strip().replace(" ", "-").replace("/", "-").lower()
    if summary.ra_deg is None or summary.dec_deg is None:
        return "unknown-field"
    return f"{summary.ra_deg:.3f}{summary.dec_deg:+.3f}"


def _one_template(a: Summary, b: Summary) -> bool:
    same_light = a.filter_band == b.filter_band and a.instrument == b.instrument
    return same_light and _same_sky(a, b)


def _usable(science: Summary, template: Summary) -> bool:
    return science.filter_band == template.filter_band and _may_overlap(science, template)


def _may_overlap(a: Summary, b: Summary) -> bool:
    if a.ra_deg is None or b.ra_deg is None:
        return True
    return _apart(a, b) < (a.radius_deg or 0.0) + (b.radius_deg or 0.0)


def _same_sky(a: Summary, b: Summary) -> bool:
    if a.ra_deg is None or b.ra_deg is None:
        # Without positions: what one camera took of one object.
        named = {a.object_name, b.object_name} - {None, ""}
        return a.shape == b.shape and len(named) <= 1
    return _apart(a, b) < _SAME_FIELD * min(a.radius_deg or 0.0, b.radius_deg or 0.0)


def _apart(a: Summary, b: Summary) -> float:
    if a.ra_deg is None or b.ra_deg is None or a.dec_deg is None or b.dec_deg is None:
        return 0.0
    return float(separation_deg(a.ra_deg, a.dec_deg, b.ra_deg, b.dec_deg))


def _distance(science: Summary, template: Item) -> tuple[bool, bool, bool, float, str]:
    theirs = template.summary
    placed = science.ra_deg is not None and theirs.ra_deg is not None
    return (
        science.instrument != theirs.instrument,
        not placed and science.object_name != theirs.object_name,
        not placed and science.shape != theirs.shape,
        round(_apart(science, theirs), 6),
        template.content_hash,
    )

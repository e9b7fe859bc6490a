"""What an operator should look at, without stopping the chain: every read is verified anyway."""

import warnings
from collections.abc import Callable
from typing import Any

import dagster as dg

from astrid_sdk.errors import CorruptionError, InvalidInputError, NotFoundError
from astrid_sdk.pipeline.manifest import Item, Manifest
from astrid_sdk.session import AstridSession
from dagster_defs.assets.datasets import DATASET_ID
from dagster_defs.metadata import detection_numbers
from dagster_defs.partitions import NIGHTS
from dagster_defs.resources import AstridParam

FLOOD_PER_MEGAPIXEL = 300
"""A failed subtraction leaves 800 to 2,500 per megapixel on real frames, a good one some tens."""

SPLIT = (0.7, 0.15, 0.15)
"""Train, validation, test."""

SHARED_STEPS = ("build_pattern",)
"""Every frame of a detector goes back to its fixed pattern, which shows no sky."""

_SHOWN_LEAKS = 5


def _night_check(asset: str) -> Callable[[Callable[..., Any]], dg.AssetChecksDefinition]:
    """Make a function the check of one night of `asset`: other nights keep their own results."""

    def decorate(function: Callable[..., Any]) -> dg.AssetChecksDefinition:
        with warnings.catch_warnings():
            # partitions of checks are a preview in Dagster 1.13, which the project is pinned to
            warnings.simplefilter("ignore", dg.PreviewWarning)
            return dg.asset_check(asset=asset, partitions_def=NIGHTS)(function)

    return decorate


@_night_check("raw_observations")
def bytes_match_hashes(astrid: AstridParam, raw_observations: Manifest) -> dg.AssetCheckResult:
    """Read every raw frame of the night: its bytes are the ones its hash names."""
    told = [(item.name, _trouble(astrid, item)) for item in raw_observations.items]
    damaged = [f"{name}: {trouble}" for name, trouble in told if trouble]
    return dg.AssetCheckResult(
        passed=not damaged,
        description="; ".join(damaged) or f"{len(told)} read and verified",
        metadata={"read": len(told), "damaged": len(damaged)},
    )


@_night_check("detections")
def no_flood(detections: Manifest) -> dg.AssetCheckResult:
    """Compare new sources per megapixel with a limit: a flood is a subtraction gone wrong."""
    density = detection_numbers(detections)["found_per_megapixel"]
    return dg.AssetCheckResult(
        passed=density <= FLOOD_PER_MEGAPIXEL,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{density:.0f} unflagged per megapixel; {FLOOD_PER_MEGAPIXEL} is a flood",
        metadata={"found_per_megapixel": density, "limit": FLOOD_PER_MEGAPIXEL},
    )


@dg.asset_check(asset="datasets", blocking=True)
def no_leakage(astrid: AstridParam) -> dg.AssetCheckResult:
    """Split the newest version and audit the split: what leaks stops all that is made of it."""
    version = astrid.datasets.get(DATASET_ID)
    try:
        split = astrid.datasets.split(version, SPLIT, shared_steps=SHARED_STEPS)
    except InvalidInputError as refusal:  # without a split nothing leaks, and nothing is trained
        return dg.AssetCheckResult(
            passed=False, severity=dg.AssetCheckSeverity.WARN, description=refusal.message
        )
    report = astrid.datasets.leakage_report(split)
    told = [str(leak) for leak in report.leaks[:_SHOWN_LEAKS]]
    return dg.AssetCheckResult(
        passed=report.passed,
        description="; ".join(told) or split.report,
        metadata={
            "version": version.name,
            "split": split.content_hash,
            "held_out": len(split.held_out_conflict),
            "allowed": len(report.allowed),
            **report.sizes,
            **{f"leaks_by_{kind}": count for kind, count in report.counts.items()},
        },
    )


def _trouble(session: AstridSession, item: Item) -> str:
    try:
        session.cas.retrieve_data(item.content_hash, tier=item.tier)
    except (CorruptionError, NotFoundError) as error:
        return error.message
    return ""

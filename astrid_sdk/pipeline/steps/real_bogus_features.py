"""Step ``real_bogus_features``: the triplets of one difference image -> their features."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.pipeline.difference import Difference
from astrid_sdk.pipeline.features import FEATURES, features_of
from astrid_sdk.pipeline.parquet import MEDIA_TYPE, parquet_bytes
from astrid_sdk.sky.cutouts import Triplet
from astrid_sdk.tiers import Tier

FEATURES_ROLE, TRIPLET, DIFFERENCE = "features", "triplet", "difference"
CONTENT_HASH = "content_hash"


def _run(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    searched = inputs.read_optional(DIFFERENCE)
    values = features_of(
        [Triplet.from_fits(content) for content in inputs.read_all(TRIPLET)],
        None if searched is None else Difference.from_fits(searched),
    )
    columns: dict[str, Any] = {CONTENT_HASH: pa.array(inputs.hashes[TRIPLET], pa.string())}
    columns |= {feature.name: values[:, place] for place, feature in enumerate(FEATURES)}
    content = parquet_bytes(pa.table(columns))
    output = Output(FEATURES_ROLE, content, MEDIA_TYPE, ".features.parquet")
    return Result([output], {"rows": len(values), "features": len(FEATURES)})


STEP = Step(
    "real_bogus_features",
    _run,
    Tier.DETECTIONS,
    ("astropy", "numpy", "pyarrow"),
)

"""The eight top-level prefixes of a bucket."""

import enum
from typing import Self

from astrid_sdk.errors import InvalidInputError


class Tier(enum.StrEnum):
    """A top-level prefix of the bucket; its value is the prefix.

    `MODELS` holds registered models by hash; `ARTIFACTS` holds run files, and content stored
    without a tier; `TEMP` holds uploads in flight: nothing outside it refers into it.
    """

    RAW_OBSERVATIONS = "raw-observations"
    PROCESSED_OBSERVATIONS = "processed-observations"
    DIFFERENCE_IMAGES = "difference-images"
    DETECTIONS = "detections"
    MODELS = "models"
    DATASETS = "datasets"
    ARTIFACTS = "artifacts"
    TEMP = "temp"

    @classmethod
    def parse(cls, name: "str | Tier") -> Self:
        """Return the tier called `name`.

        Raises
        ------
        InvalidInputError
            `name` is none of the eight.
        """
        try:
            return cls(name)
        except ValueError:
            known = ", ".join(cls)
            raise InvalidInputError(f"no tier is called {name!r}; the tiers are {known}") from None

"""Features of triplets, a difference image at a time: measured once, for training and scoring."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from astrid_sdk.catalog.search.told import told_of
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.pipeline.detection_files import SUFFIX
from astrid_sdk.pipeline.steps import detect, real_bogus_features
from astrid_sdk.pipeline.steps.real_bogus_features import DIFFERENCE, FEATURES_ROLE, TRIPLET
from astrid_sdk.pipeline.work import Work

_DETECTIONS = "detections"
_COLUMNS = ("content_hash", "derivation_key")


@dataclass(frozen=True, slots=True)
class Batch:
    """The triplets of one difference image, in the order in which they were cut out.

    Attributes
    ----------
    name : str
        What its features are called.
    triplets : tuple of str
    difference : str
        "" where the triplets came from elsewhere.
    """

    name: str
    triplets: tuple[str, ...]
    difference: str = ""

    def features(self, work: Work) -> str:
        """Return the content hash of the features, measured only where nobody has."""
        inputs = {TRIPLET: list(self.triplets)}
        inputs |= {DIFFERENCE: [self.difference]} if self.difference else {}
        made = work.derived(real_bogus_features.STEP, inputs, {}, self.name)
        return made.output(FEATURES_ROLE).content_hash


def batches_of(
    catalog: Catalog, derivations: Derivations, triplets: Collection[str]
) -> Sequence[Batch]:
    """Return the batches that hold `triplets`, each whole: others of the same image are in it."""
    keys = sorted(set(makers_of(catalog, triplets).values()))
    made = derivations.find_many(keys)
    found = [_of(made[key]) for key in sorted(made) if made[key].step == detect.STEP.name]
    searched = {triplet for batch in found for triplet in batch.triplets}
    others = tuple(sorted(set(triplets) - searched))
    return [*found, *([Batch("imported", others)] if others else [])]


def makers_of(catalog: Catalog, contents: Collection[str]) -> dict[str, str]:
    """Return the derivation that made each of `contents`; what only came from outside is absent.

    A content may also have come back from outside, such as a figure that MLflow shows.
    """
    told = told_of(catalog, contents, _COLUMNS)
    keys = {
        content_hash: [row["derivation_key"] for row in rows if row["derivation_key"]]
        for content_hash, rows in told.items()
    }
    return {content_hash: min(found) for content_hash, found in keys.items() if found}


def _of(made: Derivation) -> Batch:
    (difference,) = made.inputs[DIFFERENCE]
    name = made.output(_DETECTIONS).name.removesuffix(SUFFIX)
    return Batch(name, tuple(_triplets(made)), difference)


def _triplets(made: Derivation) -> Iterator[str]:
    for output in made.outputs:
        if output.role.startswith(TRIPLET):
            yield output.content_hash

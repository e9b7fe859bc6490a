"""A training sample: a labelled cutout, and the raw files it goes back to."""

from dataclasses import dataclass
from typing import Annotated

from typing_extensions import override

from astrid_sdk.catalog.models.arrow_models import CONTENT_HASH, DEC, RA, ArrowModel
from astrid_sdk.catalog.models.columns import Column, Hash, Many, Text
from astrid_sdk.catalog.models.observation import require_whole_position
from astrid_sdk.catalog.short import line


@dataclass(frozen=True, slots=True, repr=False)
class TrainingSample(ArrowModel):
    """A cutout with its label.

    Attributes
    ----------
    content_hash : str
        Of the cutout, such as a triplet.
    label : str
        Such as ``real`` or ``bogus``.
    label_source : str
        Who or what said so: a person, a survey's score, an injection.
    detection_id : str or None
        None where it was cut at a position that was not detected.
    source_hashes : tuple of str
        Raw observations it goes back to, sorted: two samples that share one must not be split
        between training and validation.
    ra_deg, dec_deg : float or None
        ICRS; samples of one place on the sky belong on one side of a split too.

    Raises
    ------
    InvalidInputError
        A value cannot be one; the message names the field.
    """

    content_hash: Annotated[str, CONTENT_HASH]
    label: Annotated[str, Column(Text(), "what it is", ucd="meta.code.class")]
    label_source: Annotated[str, Column(Text(), "who or what said so", ucd="meta.bib.author")]
    detection_id: Annotated[str | None, Column(Text(), "the detection", ucd="meta.id.assoc")] = None
    source_hashes: Annotated[
        tuple[str, ...], Column(Many(Hash()), "raw observations behind it", ucd="meta.id.parent")
    ] = ()
    ra_deg: Annotated[float | None, RA] = None
    dec_deg: Annotated[float | None, DEC] = None

    @override
    def __repr__(self) -> str:
        return line(f"sample {self.content_hash[:8]}: {self.label}, says {self.label_source}")

    @override
    def _check(self) -> None:
        require_whole_position(self, self.ra_deg, self.dec_deg)
        object.__setattr__(self, "source_hashes", tuple(sorted(set(self.source_hashes))))

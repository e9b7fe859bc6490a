"""What goes over the wire: the bodies of requests and answers, as OpenAPI tells them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from astrid_sdk.api.naming import MOST_NAME_LETTERS, NAME_PATTERN
from astrid_sdk.tiers import Tier

HASH_PATTERN: Final = "^[0-9a-f]{64}$"
PATH_PATTERN: Final = NAME_PATTERN.replace("[^/", r"[^/\\")
DATASET_ID_PATTERN: Final = "^[a-z0-9][a-z0-9._-]{0,62}$"
_EXAMPLE_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_EXAMPLE_STORED: Final[JsonDict] = {
    "content_hash": _EXAMPLE_HASH,
    "size_bytes": 33696000,
    "media_type": "application/fits",
    "tier": "raw-observations",
    "names": ["2024-04-05/sn2024ggi_r_001.fits"],
    "created_at": "2024-04-05T09:12:44Z",
    "is_new": True,
    "is_spooled": False,
    "note": "",
}


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_utc)]
Hash = Annotated[str, Field(pattern=HASH_PATTERN, examples=[_EXAMPLE_HASH])]


class _Told(BaseModel):
    """An answer: every field is always there."""

    model_config = ConfigDict(
        frozen=True, json_schema_serialization_defaults_required=True, extra="forbid"
    )


class Stored(_Told):
    """What became of an upload."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_STORED]})

    content_hash: Hash
    size_bytes: int = Field(ge=0)
    media_type: str
    tier: Tier
    names: list[str] = Field(description="What people call it in this tier.")
    created_at: Moment = Field(description="When it was first stored in this tier.")
    is_new: bool = Field(description="False where the same bytes were there already.")
    is_spooled: bool = Field(description="True where it waits for the store to be back.")
    note: str = Field(
        description="Why a file called like a FITS file could not be read as one; else empty."
    )


class Sky(_Told):
    """What one image of a content says of the exposure; what is not known is null."""

    hdu_index: int | None
    role: str | None
    ra_deg: float | None = Field(description="ICRS, degrees; null without a WCS.")
    dec_deg: float | None
    night: str | None
    observation_time: Moment | None = Field(description="Start of the exposure, UTC.")
    filter_band: str | None
    instrument: str | None
    survey: str | None
    object_name: str | None
    observation_id: str | None
    exposure_time_s: float | None
    pixel_scale_arcsec: float | None
    seeing_arcsec: float | None


class MadeBy(_Told):
    """The computation that made a content."""

    key: str
    step: str
    code_version: str
    parameters: dict[str, Any]
    inputs: dict[str, list[Hash]] = Field(description="Role to content hashes.")


class Metadata(_Told):
    """What is known of a content."""

    content_hash: Hash
    size_bytes: int = Field(ge=0)
    media_type: str
    tier: Tier = Field(description="The first of `tiers`.")
    tiers: list[Tier]
    name: str = Field(description="The first of `names`.")
    names: list[str]
    created_at: Moment
    purpose: str | None
    excluded: str | None = Field(description="Why it is left out; null where it is not.")
    sky: list[Sky] = Field(description="One per image; empty where the bytes say nothing.")
    derivation: MadeBy | None = Field(description="Null for content that came from outside.")


class FoundContent(Sky):
    """One row of a search: a content, or one image of it."""

    content_hash: Hash
    tier: Tier
    name: str
    size_bytes: int = Field(ge=0)
    media_type: str
    derivation_key: str
    step: str | None
    purpose: str | None
    excluded: str | None
    created_at: Moment


class FoundPage(_Told):
    """A page of what a search found."""

    items: list[FoundContent]
    total: int = Field(ge=0, description="How many rows there are on all pages.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page.")


class Deleted(_Told):
    """What is no longer found; its bytes stay until they are swept."""

    content_hash: Hash
    tiers: list[Tier]
    deleted_at: Moment
    needed_by: list[str] = Field(description="What needs it all the same.")


class VersionFile(BaseModel):
    """A file of a dataset version."""

    model_config = ConfigDict(extra="forbid")

    content_hash: Hash
    path: str = Field(
        min_length=1,
        max_length=MOST_NAME_LETTERS,
        pattern=PATH_PATTERN,
        examples=["2024-04-05/triplet-001.fits"],
    )
    role: str = Field(default="file", min_length=1, max_length=64, examples=["triplet"])
    label: str | None = Field(default=None, max_length=256, examples=["real"])


class NewVersion(BaseModel):
    """What a dataset is to hold from now on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "message": "188 labelled",
                    "files": [
                        {
                            "content_hash": _EXAMPLE_HASH,
                            "path": "2024-04-05/triplet-001.fits",
                            "role": "triplet",
                            "label": "real",
                        }
                    ],
                }
            ]
        },
    )

    message: str = Field(min_length=1, max_length=1000)
    files: list[VersionFile] = Field(min_length=1, max_length=100_000)


class VersionMade(_Told):
    """A version that was made, or the one that holds the same already."""

    dataset_id: str
    version: int = Field(ge=1)
    manifest_hash: Hash
    is_new: bool


class VersionTold(_Told):
    """One version of a dataset."""

    version: int = Field(ge=1)
    manifest_hash: Hash
    message: str
    created_at: Moment
    author: str
    files: int = Field(ge=0)


class VersionPage(_Told):
    """A page of a dataset's versions, v1 first."""

    dataset_id: str
    items: list[VersionTold]
    total: int = Field(ge=0)
    next_cursor: str | None


class LineageNodeTold(_Told):
    """A content in a lineage; what may not be seen is called like what is not known."""

    content_hash: Hash
    name: str
    tier: str
    kind: str
    media_type: str
    step: str
    derivation_key: str
    created_at: Moment | None
    excluded: str
    night: str | None
    filter_band: str | None
    observation_time: Moment | None
    versions: list[str]


class LineageEdgeTold(_Told):
    """One content was used, in a role, to make another."""

    source: Hash
    target: Hash
    role: str
    derivation_key: str
    step: str
    note: str


class LineagePage(_Told):
    """A page of a lineage: some contents, and all edges that lead on from them."""

    direction: Literal["why", "impact"]
    root: Hash
    nodes: list[LineageNodeTold]
    edges: list[LineageEdgeTold]
    total: int = Field(ge=0, description="How many contents the whole lineage has.")
    folded: int = Field(ge=0)
    next_cursor: str | None


class Live(_Told):
    """The service runs."""

    status: Literal["live"]


class Ready(_Told):
    """Whether the service can work, and what it cannot."""

    status: Literal["ready", "degraded", "unavailable"]
    store: Literal["ok", "away", "refused"]
    pending_writes: int = Field(ge=0, description="Uploads that wait for the store to be back.")
    degraded: list[str] = Field(description="What does not work as it should, in sentences.")
    still_works: list[str]


class WrongInput(BaseModel):
    """One thing that is wrong with a request."""

    where: str
    what: str


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: str = Field(examples=["urn:astrid:problem:not_found"])
    title: str
    status: int = Field(ge=400, le=599)
    code: str = Field(description="A stable word for programs.")
    request_id: str = Field(description="Tell it to whoever runs the service.")
    detail: str | None = None
    errors: list[WrongInput] | None = None
    needed_by: list[str] | None = Field(
        None, description="Dataset versions and models that need what should be deleted."
    )
    still_works: list[str] | None = None

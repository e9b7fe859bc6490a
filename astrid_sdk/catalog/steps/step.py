"""Steps: pure functions with a name, from stored bytes to bytes."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from astrid_sdk.catalog.steps.code_version import code_version
from astrid_sdk.errors import NotFoundError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Output:
    """What a step makes: bytes and how to call them.

    Attributes
    ----------
    role : str
        Unique among the outputs of one derivation.
    suffix : str
        Follows the subject's name in the output's name, such as ``".processed.fits"``.
    position : tuple of float, optional
        ICRS (ra_deg, dec_deg) where the output shows a place and not its subject's whole field.
    """

    role: str
    data: bytes
    media_type: str
    suffix: str
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a step returns: its outputs, and numbers about them for people (JSON values).

    A fact called `REJECTED`, a list of ``{"index", "reason"}``, says which inputs of its only role
    a step left out of what it made; lineage tells that.
    """

    outputs: Sequence[Output]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Inputs:
    """The inputs of a step, by role, read and verified when asked for."""

    def __init__(self, cas: ContentAddressedStorage, hashes: Mapping[str, Sequence[str]]) -> None:
        self._cas = cas
        self.hashes = hashes

    def read(self, role: str) -> bytes:
        """Return the bytes of the one input called `role`.

        Raises
        ------
        NotFoundError
            There is none of that role, or there are several (`read_all` takes those).
        """
        hashes = self.hashes.get(role, ())
        if len(hashes) != 1:
            given = ", ".join(f"{name} ({len(found)})" for name, found in self.hashes.items())
            raise NotFoundError(
                f"the step asked for one input {role!r} and there are {len(hashes)}: it was given "
                f"{given or 'none'}"
            )
        return self._cas.retrieve_data(hashes[0])

    def open(self, role: str) -> io.BytesIO:
        """Return the one input called `role` as a file, for libraries that read files."""
        return io.BytesIO(self.read(role))

    def read_optional(self, role: str) -> bytes | None:
        """Return the bytes of the input called `role`, or None where there is none."""
        return self.read(role) if self.hashes.get(role) else None

    def read_all(self, role: str) -> Iterator[bytes]:
        """Yield the bytes of each input called `role`, in order."""
        for content_hash in self.hashes.get(role, ()):
            yield self._cas.retrieve_data(content_hash)

    def content(self, content_hash: str, tier: Tier | None = None) -> bytes:
        """Return the bytes of a content that a parameter names, and so the derivation's key."""
        return self._cas.retrieve_data(content_hash, tier=tier)


StepFunction = Callable[[Inputs, Mapping[str, Any]], Any]
"""Returns a `Result`, or anything that `astrid_sdk.catalog.steps.returned` knows how to store."""


@dataclass(frozen=True, slots=True)
class Step:
    """A pure function with a name: the same inputs and parameters give the same outputs.

    Attributes
    ----------
    name : str
    function : callable
        Takes `Inputs` and the parameters, returns what it made. An `InvalidInputError` it
        raises is a refusal: recorded like a result, so that it is not tried again.
    tier : Tier
        Where the outputs go.
    libraries : sequence of str
        Distributions whose version can change the numbers.
    """

    name: str
    function: StepFunction
    tier: Tier
    libraries: tuple[str, ...] = ("numpy",)

    def call(self, inputs: Inputs, parameters: Mapping[str, Any]) -> Any:
        """Call the function."""
        return self.function(inputs, parameters)

    @property
    def code_version(self) -> str:
        """Hash of the step's source, of our modules it imports, and of the library versions."""
        return code_version(self.function, self.libraries)

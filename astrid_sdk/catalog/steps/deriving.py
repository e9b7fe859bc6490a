"""Running people's own functions: done once per bucket, remembered, and run again on request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, overload

from typing_extensions import override

from astrid_sdk.catalog.search.finding import find_one
from astrid_sdk.catalog.steps.comparing import ATOL, RTOL, Tolerance
from astrid_sdk.catalog.steps.derivation import Derivation
from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.catalog.steps.function_step import FunctionStep, step_of
from astrid_sdk.catalog.steps.reproduce import Reproduction, reproduce
from astrid_sdk.catalog.steps.step import Step
from astrid_sdk.catalog.tables import Catalog
from astrid_sdk.errors import InvalidInputError, NotFoundError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier

_DIGITS = 64


class HasContent(Protocol):
    """Whatever names a content: a row that was found, an output, an observation's file."""

    @property
    def content_hash(self) -> str:
        """SHA-256 of its bytes."""


Content: TypeAlias = str | HasContent
Given: TypeAlias = Content | Sequence[Content]
Function: TypeAlias = Callable[..., Any]


class BoundStep:
    """A function of a notebook that is a step of a session: call it with its inputs.

    Parameters
    ----------
    deriving : Deriving
    step : FunctionStep
    """

    def __init__(self, deriving: "Deriving", step: FunctionStep) -> None:
        self._deriving = deriving
        self.step = step
        self.__wrapped__ = step.function
        self.__doc__ = step.function.__doc__

    def __call__(
        self, inputs: Mapping[str, Given], *, name: str = "", **parameters: Any
    ) -> Derivation:
        """Return the derivation of `inputs`, calling the function only when nobody has."""
        return self._deriving.derive(self.step, inputs, parameters, name=name)

    @override
    def __repr__(self) -> str:
        return f"<step {self.step.name}, outputs to {self.step.tier.value}>"


class Deriving:
    """The steps that a session knows, and what they are run on.

    Parameters
    ----------
    catalog : Catalog
    derivations : Derivations
    cas : ContentAddressedStorage
    steps : iterable of Step
        Those that are known from the start, for `reproduce`.
    """

    def __init__(
        self,
        catalog: Catalog,
        derivations: Derivations,
        cas: ContentAddressedStorage,
        steps: Iterable[Step] = (),
    ) -> None:
        self._catalog = catalog
        self._derivations = derivations
        self._cas = cas
        self._steps = {step.name: step for step in steps}

    @overload
    def step(
        self,
        function: Function,
        *,
        name: str = "",
        tier: Tier | str = Tier.ARTIFACTS,
        libraries: tuple[str, ...] = ("numpy",),
        version: str = "",
    ) -> BoundStep: ...

    @overload
    def step(
        self,
        function: None = None,
        *,
        name: str = "",
        tier: Tier | str = Tier.ARTIFACTS,
        libraries: tuple[str, ...] = ("numpy",),
        version: str = "",
    ) -> Callable[[Function], BoundStep]: ...

    def step(
        self,
        function: Function | None = None,
        *,
        name: str = "",
        tier: Tier | str = Tier.ARTIFACTS,
        libraries: tuple[str, ...] = ("numpy",),
        version: str = "",
    ) -> BoundStep | Callable[[Function], BoundStep]:
        """Make a function a step of this session; a decorator, with or without arguments.

        Parameters
        ----------
        function : callable, optional
            Takes `Inputs`, then a mapping called ``parameters`` or each parameter by name.
        name : str
            The function's by default.
        tier : Tier or str
            Where its outputs go.
        libraries : tuple of str
            Distributions whose version counts beside those that the function names.
        version : str
            Names the code where its source cannot be told.

        Returns
        -------
        BoundStep
            Or, without `function`, a decorator that returns one.

        Raises
        ------
        InvalidInputError
            The function cannot be a step; the message says what to do.
        """

        def bound(function: Function) -> BoundStep:
            made = step_of(function, name=name, tier=tier, libraries=libraries, version=version)
            self._steps[made.name] = made
            return BoundStep(self, made)

        return bound if function is None else bound(function)

    def derive(
        self,
        step: Step | BoundStep | Function,
        inputs: Mapping[str, Given],
        parameters: Mapping[str, Any] | None = None,
        *,
        name: str = "",
    ) -> Derivation:
        """Return the derivation of `inputs` by a step or function, run only when nobody has.

        Parameters
        ----------
        step : Step or callable
            A function is a step of its name, its outputs go to the artifacts.
        inputs : mapping
            Role to content hash, to what has one, or to a sequence of these; a unique prefix of a
            hash will do.
        parameters : mapping, optional
            JSON values. Defaults of a function that takes them by name are added.
        name : str
            What the outputs are called, before their suffix; the step's name by default.

        Raises
        ------
        InvalidInputError
            A parameter or what the function returned cannot be stored, the function's source
            cannot be told, `step` is no step, or `inputs` are no mapping.
        NotFoundError
            An input is not stored.
        Exception
            Whatever the function raises; nothing is recorded then. Only an InvalidInputError is
            a refusal, recorded like a result.
        """
        known = self._known(step)
        _require_mapping(inputs)
        given = {role: self._hashes(role, value) for role, value in inputs.items()}
        told = parameters or {}
        if isinstance(known, FunctionStep):
            told = known.complete(told)
        return self._derivations.derive(known, given, told, name=name or known.name)

    def reproduce(
        self,
        content_hash: str,
        *,
        allow_other_code: bool = False,
        rtol: float = RTOL,
        atol: float = ATOL,
    ) -> Reproduction:
        """Make a content again from the same inputs and say whether the same comes out.

        Nothing is stored.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits.
        allow_other_code : bool
            Run the step although its code is not the one that made the content.
        rtol, atol : float
            Floating-point numbers are equal where ``|a - b| <= atol + rtol * |a|``.

        Raises
        ------
        InvalidInputError
            The content was ingested, or the step's code is another here.
        NotFoundError
            The step is not known here, or the content or an input is not stored.
        """
        found = find_one(self._catalog, content_hash)
        if not found.derivation_key:
            raise InvalidInputError(
                f"{found.name}@{found.content_hash[:8]} came from {found.origin}: nothing made it "
                "that could be run again",
                kind="not_derived",
            )
        made = self._derivations.find(found.derivation_key)
        if made is None:
            raise NotFoundError(
                f"the derivation {found.derivation_key} of {found.content_hash[:8]} is not stored "
                "any more: there is nothing to run again"
            )
        return reproduce(
            self._derivations,
            self._cas,
            self._step_called(made.step),
            made,
            found.content_hash,
            allow_other_code=allow_other_code,
            tolerance=Tolerance(rtol, atol),
        )

    def _known(self, step: Step | BoundStep | Function) -> Step:
        if isinstance(step, BoundStep):
            step = step.step
        if not callable(step) and not isinstance(step, Step):
            raise InvalidInputError(
                f"the step is a {type(step).__name__}: give a function or a Step", kind="step"
            )
        made = step if isinstance(step, Step) else step_of(step)
        if isinstance(made, FunctionStep):
            self._steps[made.name] = made
        return made

    def _step_called(self, name: str) -> Step:
        if name not in self._steps:
            raise NotFoundError(
                f"the step {name} is not known here: run the cell or import the module that "
                f"defines it, or derive with it once; known are {', '.join(sorted(self._steps))}",
                kind="unknown_step",
            )
        return self._steps[name]

    def _hashes(self, role: str, given: Given) -> list[str]:
        if isinstance(given, str) or not isinstance(given, Sequence):
            return [self._hash(role, given)]
        return [self._hash(role, content) for content in given]

    def _hash(self, role: str, content: Any) -> str:
        told = content if isinstance(content, str) else getattr(content, "content_hash", None)
        if not isinstance(told, str):
            raise InvalidInputError(
                f"the input {role} is a {type(content).__name__}: give the hash of a stored "
                "content, or what has one",
                kind="input",
            )
        return told if len(told) == _DIGITS else self._catalog.resolve(told)


def _require_mapping(inputs: object) -> None:
    if not isinstance(inputs, Mapping):
        raise InvalidInputError(
            "inputs are a mapping of role to content hash, such as {'image': content_hash}, not "
            f"{type(inputs).__name__}",
            kind="input",
        )

"""A small step to make lineages with, and the questions about them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from stores import Bench, WrappedStore
from typing_extensions import override

from astrid_sdk.catalog.lineage.graph import LineageGraph
from astrid_sdk.catalog.lineage.lineages import Lineages
from astrid_sdk.catalog.steps.step import Inputs, Output, Result, Step
from astrid_sdk.datasets.registry import DatasetRegistry
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.base import ObjectStorage
from astrid_sdk.storage.operations import ListPage, Operation
from astrid_sdk.tiers import Tier

MEDIA = "text/plain"
ResultT = TypeVar("ResultT")


def _join(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    parts = [data for role in sorted(inputs.hashes) for data in inputs.read_all(role)]
    if b"bad" in parts:
        raise InvalidInputError("a part is bad: mend it")
    data = b"".join(dict.fromkeys(parts)) + parameters.get("tail", "").encode()
    facts = {name: parameters[name] for name in ("rejected",) if name in parameters}
    return Result([Output("text", data, MEDIA, ".txt")], facts)


def _list(inputs: Inputs, _parameters: Mapping[str, Any]) -> Result:
    listed = "\n".join(inputs.hashes["items"]).encode()
    return Result([Output("manifest", listed, "application/json", ".manifest.json")])


def _split(inputs: Inputs, parameters: Mapping[str, Any]) -> Result:
    return Result(
        [
            Output(f"part-{number:05d}", b"%d " % number + inputs.read("text"), MEDIA, ".part")
            for number in range(parameters["parts"])
        ]
    )


JOIN = Step("join", _join, Tier.ARTIFACTS)
LIST = Step("collect", _list, Tier.ARTIFACTS)
SPLIT = Step("split", _split, Tier.ARTIFACTS)


def raw(bench: Bench, text: bytes) -> str:
    return bench.cas.store_data(text, MEDIA, tier="raw-observations", name=f"{text.decode()}.raw")


def join(bench: Bench, hashes: list[str], name: str, **parameters: Any) -> str:
    return join_roles(bench, {"text": hashes}, name, **parameters)


def join_roles(bench: Bench, inputs: dict[str, list[str]], name: str, **parameters: Any) -> str:
    made = bench.derivations.derive(JOIN, inputs, parameters, name=name)
    return made.output("text").content_hash


def registry(bench: Bench) -> DatasetRegistry:
    return DatasetRegistry(bench.storage, "astrid-storage", bench.cas, bench.derivations)


def lineages(bench: Bench) -> Lineages:
    return Lineages(bench.catalog, bench.derivations, registry(bench).versions_of)


def why(bench: Bench, content_hash: str) -> LineageGraph:
    return lineages(bench).why(content_hash)


def impact(bench: Bench, content_hash: str, **options: bool) -> LineageGraph:
    return lineages(bench).impact(content_hash, **options)


def names(graph: LineageGraph) -> list[str]:
    return [node.name for node in graph]


class ListingStore(WrappedStore):
    """Remembers what it was asked to list."""

    def __init__(self, inner: ObjectStorage) -> None:
        super().__init__(inner)
        self.listed: list[str] = []

    @override
    def perform(self, operation: Operation[ResultT]) -> ResultT:
        if isinstance(operation, ListPage):
            self.listed.append(operation.prefix)
        return super().perform(operation)

"""Hands manifests from asset to asset by content hash: nothing is pickled."""

from typing import Any

import dagster as dg
from typing_extensions import override

from astrid_sdk.pipeline.manifest import Manifest
from astrid_sdk.session import AstridSession
from dagster_defs.metadata import CONTENT_HASH


class ManifestIOManager(dg.IOManager):
    """Reads the manifest that an asset's latest materialisation names.

    An asset stores its manifest itself and materialises its content hash; here it is only read
    back, verified like every read. An unpartitioned asset gets all nights of a partitioned one
    as a dict from night to manifest, without those that were never materialised.

    Parameters
    ----------
    session : AstridSession
    """

    def __init__(self, session: AstridSession) -> None:
        self._session = session

    @override
    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Do nothing: what an asset hands on is stored before it says so."""

    @override
    def load_input(self, context: dg.InputContext) -> Manifest | dict[str, Manifest]:
        if not context.has_asset_partitions:
            return self._required(context, None)
        if context.has_partition_key:
            return self._required(context, context.asset_partition_key)
        nights = {night: self._latest(context, night) for night in context.asset_partition_keys}
        return {night: manifest for night, manifest in nights.items() if manifest is not None}

    def _required(self, context: dg.InputContext, night: str | None) -> Manifest:
        manifest = self._latest(context, night)
        if manifest is None:
            upstream = context.asset_key.to_user_string()
            where = f" for night {night}" if night else ""
            raise dg.Failure(f"{upstream}{where} is not materialised yet: materialise it first")
        return manifest

    def _latest(self, context: dg.InputContext, night: str | None) -> Manifest | None:
        wanted = dg.AssetRecordsFilter(
            asset_key=context.asset_key, asset_partitions=None if night is None else [night]
        )
        records = context.instance.fetch_materializations(wanted, limit=1).records
        if not records or records[0].asset_materialization is None:
            return None
        shown = records[0].asset_materialization.metadata.get(CONTENT_HASH)
        if shown is None:  # reported by hand in the UI: nothing was made
            return None
        return self._session.manifest(str(shown.value))


@dg.io_manager(required_resource_keys={"astrid"})
def manifest_io_manager(context: dg.InitResourceContext) -> ManifestIOManager:
    """Hand manifests on by content hash, through the run's session."""
    return ManifestIOManager(context.resources.astrid)

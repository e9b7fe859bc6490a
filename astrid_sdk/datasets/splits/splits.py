"""Splits of the datasets of a store: made once, kept, and audited."""

from collections.abc import Sequence

from astrid_sdk.catalog.steps.derivations import Derivations
from astrid_sdk.datasets.manifest import DatasetFile, DatasetManifest
from astrid_sdk.datasets.splits.audit import Auditor
from astrid_sdk.datasets.splits.building import AncestryOf, ties_of
from astrid_sdk.datasets.splits.imported import Given, sides_of
from astrid_sdk.datasets.splits.leaks import LeakageReport
from astrid_sdk.datasets.splits.rules import RADIUS_ARCSEC, SplitRules
from astrid_sdk.datasets.splits.samples import samples_of
from astrid_sdk.datasets.splits.split import Split
from astrid_sdk.datasets.splits.step import MEDIA_TYPE, SPLIT, SPLIT_STEP
from astrid_sdk.errors import InvalidInputError
from astrid_sdk.storage.content_addressed_storage import ContentAddressedStorage
from astrid_sdk.tiers import Tier


class Splits:
    """Makes splits and audits them.

    Parameters
    ----------
    cas : ContentAddressedStorage
    derivations : Derivations
    ancestry_of : callable
        `Lineages.ancestry`.
    """

    def __init__(
        self, cas: ContentAddressedStorage, derivations: Derivations, ancestry_of: AncestryOf
    ) -> None:
        self._cas = cas
        self._derivations = derivations
        self._ancestry_of = ancestry_of

    def split(self, manifest_hash: str, rules: SplitRules) -> Split:
        """Return the split of a dataset version; the same call gives the stored one.

        Parameters
        ----------
        manifest_hash : str
            Of a version's manifest.
        rules : SplitRules

        Raises
        ------
        InvalidInputError
            There is nothing to split, or what there is is tied so closely that a side would be
            empty; the message names what ties it.
        """
        manifest = self._manifest(manifest_hash)
        samples = samples_of(manifest, rules.roles)
        ties = ties_of(samples, self._ancestry_of, rules.shared_steps)
        ties_hash = str(self._cas.put_blob(ties.to_bytes(), MEDIA_TYPE, Tier.DATASETS))
        made = self._derivations.derive(
            SPLIT_STEP,
            {"manifest": [manifest_hash]},
            {
                "dataset_id": manifest.dataset_id,
                "rules": rules.to_json(),
                "ties_hash": ties_hash,
            },
            name=manifest.dataset_id,
        )
        if made.refusal:
            raise InvalidInputError(made.refusal, kind="one_group")
        return self.read(made.output(SPLIT).content_hash)

    def read(self, content_hash: str) -> Split:
        """Return the split that is stored under this hash.

        Raises
        ------
        NotFoundError, CorruptionError
            As `ContentAddressedStorage.retrieve_data`.
        """
        return Split.from_bytes(self._cas.retrieve_data(content_hash, tier=Tier.DATASETS))

    def leakage_report(
        self,
        split: "Split | Given",
        *,
        shared_steps: Sequence[str] | None = None,
        radius_arcsec: float | None = None,
        pixels: bool = True,
    ) -> LeakageReport:
        """Return what leaks between the sides of a split, ours or anybody's.

        Parameters
        ----------
        split : Split, mapping, pandas.DataFrame, or path
            What `split` returned; content hashes by side; or a table or CSV file with the columns
            ``content_hash`` and ``side``.
        shared_steps : sequence of str, optional
            Steps whose outputs may be behind several sides: what is, is listed. By default those
            of our split, and none of another one.
        radius_arcsec : float, optional
            Samples of two sides that are nearer leak; by default that of our split, else 10.
        pixels : bool
            Read every sample and look for copies, too.

        Raises
        ------
        InvalidInputError
            What was given is no split.
        """
        rules = split.rules if isinstance(split, Split) else None
        if shared_steps is None:
            shared_steps = rules.shared_steps if rules else ()
        if radius_arcsec is None:
            radius_arcsec = rules.radius_arcsec if rules else RADIUS_ARCSEC
        sides = self._files_of(split) if isinstance(split, Split) else sides_of(split)
        return Auditor(self._ancestry_of, self._cas).report(
            sides, shared_steps=shared_steps, radius_arcsec=radius_arcsec, pixels=pixels
        )

    def _files_of(self, split: Split) -> dict[str, list[DatasetFile]]:
        """Return the files of our split, with the places and sources that the version tells."""
        files = {file.path: file for file in self._manifest(split.manifest_hash).files}
        return {side: [files[path] for path in paths] for side, paths in split.sides.items()}

    def _manifest(self, manifest_hash: str) -> DatasetManifest:
        return DatasetManifest.from_bytes(
            self._cas.retrieve_data(manifest_hash, tier=Tier.DATASETS)
        )

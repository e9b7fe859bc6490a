"""What people decide of stored contents: left out, deleted, and back."""

from astrid_sdk.catalog.deleting import Deletion
from astrid_sdk.catalog.lookup import digits_of
from astrid_sdk.catalog.search.finding import Found, find_one
from astrid_sdk.catalog.statements import say_excluded
from astrid_sdk.parts import SessionParts
from astrid_sdk.tiers import Tier


class CuratedParts(SessionParts):
    """A session's parts, and the decisions about what is stored; see `SessionParts`."""

    def exclude(self, content_hash: str, reason: str) -> None:
        """Leave a content out of searches and of the chain from now on; its bytes stay.

        Raises
        ------
        InvalidInputError
            `reason` is empty.
        NotFoundError
            Nothing stored has that hash.
        """
        say_excluded(self._records, self._one(content_hash), reason)
        self.catalog.refresh()  # `why` marks it from now on

    def include(self, content_hash: str) -> None:
        """Take an `exclude` back.

        Raises
        ------
        NotFoundError
            Nothing stored has that hash.
        """
        say_excluded(self._records, self._one(content_hash), None)
        self.catalog.refresh()  # `why` marks it from now on

    def delete(
        self,
        content_hash: str,
        *,
        tier: Tier | str | None = None,
        reason: str,
        force: bool = False,
    ) -> Deletion:
        """Delete a content, in one tier or in all; `restore` takes that back.

        It is not found any more, and `why` and `impact` show it as deleted. Its bytes stay until
        they are swept. Storing or making it again makes it visible again.

        Parameters
        ----------
        content_hash : str
            Or any unique prefix of at least eight digits.
        tier : Tier or str, optional
            Only there.
        reason : str
            For whoever meets the deletion later.
        force : bool, optional
            Even when dataset versions or models need it.

        Raises
        ------
        NeededError
            Dataset versions or models need it; `NeededError.needed_by` names them.
        NotFoundError
            Nothing stored has that hash, or nothing in that tier.
        InvalidInputError
            `reason` is empty, or the prefix or the tier cannot be used.
        """
        where = "" if tier is None else Tier.parse(tier).value
        named = self._one(content_hash).content_hash
        with self.audit.intending("delete-content", where, named, reason):
            return self._deleting.delete(named, tier, reason, force=force)

    def restore(self, content_hash: str) -> tuple[Tier, ...]:
        """Take all deletions of a content back; return the tiers where it is found again.

        Raises
        ------
        NotFoundError
            No deleted content has that hash.
        """
        with self.audit.intending("restore-content", "", digits_of(content_hash)):
            return self._deleting.restore(content_hash)

    def _one(self, content_hash: str) -> Found:
        return find_one(self.catalog, content_hash)

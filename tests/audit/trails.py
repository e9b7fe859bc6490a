"""A store whose changes are written down, by as many writers as a test wants."""

from pathlib import Path

from stores import BUCKET

from astrid_sdk.storage.audit.audit import Audit
from astrid_sdk.storage.audit.events import AuditEvent
from astrid_sdk.storage.audit.trail import AuditTrail
from astrid_sdk.storage.audit.verifying import Verification
from astrid_sdk.storage.audited import AuditedStorage
from astrid_sdk.storage.base import ObjectStorage

TEXT = "text/plain"


class Told:
    """A store, the folder of one machine, and what was written down."""

    def __init__(self, store: ObjectStorage, home: Path) -> None:
        self.store = store
        self.home = home

    def writer(self, inner: ObjectStorage | None = None) -> AuditedStorage:
        """Return the store as one more session uses it."""
        trail = AuditTrail(self.store, BUCKET, self.home / "audit")
        return AuditedStorage(inner or self.store, trail)

    def events(self, **conditions: str) -> list[AuditEvent]:
        """Return what was shipped."""
        return Audit(self.store, BUCKET, None).events(**conditions)  # type: ignore[arg-type]

    def outcomes(self, prefix: str = "") -> list[tuple[str, str, str]]:
        """Return verb, key and outcome of what was shipped."""
        return [(each.verb, each.key, each.outcome) for each in self.events(key=prefix)]

    def verified(self) -> Verification:
        return Audit(self.store, BUCKET, None).verify()

    def segments(self) -> list[str]:
        return self.store.list_files(BUCKET, "_audit/")


def put(store: ObjectStorage, *keys: str) -> None:
    """Write small objects one by one."""
    for key in keys:
        store.upload_file(BUCKET, key, key.encode(), TEXT)

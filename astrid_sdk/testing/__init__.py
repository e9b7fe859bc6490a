"""What helps to test a store, a wrapper, or code that stands on a store.

`ObjectStorageSuite`
    Every promise of `ObjectStorage` as a pytest class: inherit from it, and override its fixture
    to say which store (needs pytest).
`Place`
    A store and an empty bucket in it: what that fixture returns.
`FlakyStore`, `CorruptingStore`, `RecordingStore`
    Wrappers that fail, damage or remember what they are told to; `Failure` and `Damage` are how
    they are told.
`FaultProxy`
    A proxy before an S3 server: what a network, a gateway and a tired server do to a client is
    played as `Fault`s (each a `Play`; `PLAYS` names those seen in the field), and `R2Rules` adds
    what R2 demands and other servers let pass.

>>> from astrid_sdk.testing import ObjectStorageSuite, Place
>>> class TestMyStore(ObjectStorageSuite):
...     @pytest.fixture
...     def place(self):
...         return Place.made(MyStore(), "my-bucket")

The names are loaded when they are first used, and nothing here is loaded by ``astrid_sdk``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from astrid_sdk.testing.conformance import ObjectStorageSuite
    from astrid_sdk.testing.fault_proxy import FaultProxy
    from astrid_sdk.testing.faults import Fault, Play
    from astrid_sdk.testing.places import Place
    from astrid_sdk.testing.plays import PLAYS
    from astrid_sdk.testing.r2_rules import R2Rules
    from astrid_sdk.testing.stores import (
        CorruptingStore,
        Damage,
        Failure,
        FlakyStore,
        RecordingStore,
    )

_HOMES = {
    "CorruptingStore": "stores",
    "Damage": "stores",
    "Failure": "stores",
    "Fault": "faults",
    "FaultProxy": "fault_proxy",
    "FlakyStore": "stores",
    "ObjectStorageSuite": "conformance",
    "PLAYS": "plays",
    "Place": "places",
    "Play": "faults",
    "R2Rules": "r2_rules",
    "RecordingStore": "stores",
}

__all__ = [
    "PLAYS",
    "CorruptingStore",
    "Damage",
    "Failure",
    "Fault",
    "FaultProxy",
    "FlakyStore",
    "ObjectStorageSuite",
    "Place",
    "Play",
    "R2Rules",
    "RecordingStore",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"astrid_sdk.testing has no {name!r}: it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"astrid_sdk.testing.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]

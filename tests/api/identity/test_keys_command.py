"""``astrid keys``: what a person types, and what they see."""

from pathlib import Path

import httpx
import pytest
from api.serving_process import serving
from cli.terminal import astrid, mistake

import astrid_sdk


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_a_key_is_shown_once_listed_rotated_and_revoked(store: Path) -> None:
    words = ("--role", "reader", "--role", "curator:datasets", "--expires", "90d")
    made = astrid("keys", "create", "ann", *words, "--store", store)
    token = made.out.strip()
    key_id = token.split("_")[1]
    assert (made.out.count("\n"), token.startswith("astrid_")) == (1, True)
    assert "shown only now" in made.err
    assert token not in made.err
    listed = astrid("keys", "list", "--store", store).out
    assert f"{key_id}  valid    ann  reader curator:datasets  until " in listed
    assert token.split("_", 2)[2] not in listed
    rotated = astrid("keys", "rotate", key_id, "--store", store).out.strip()
    assert rotated.split("_")[1] == key_id
    assert rotated != token
    assert f"{key_id} (ann) is revoked" in astrid("keys", "revoke", key_id, "--store", store).out
    assert "revoked" in astrid("keys", "list", "--store", store).out


def test_mistakes_are_one_line(store: Path) -> None:
    assert "the roles are reader, writer" in mistake(
        "keys", "create", "ann", "--role", "boss", "--store", store
    )
    assert "no tier is called" in mistake(
        "keys", "create", "ann", "--role", "reader", "--tier", "moon", "--store", store
    )
    assert "such as 12h" in mistake(
        "keys", "create", "ann", "--role", "reader", "--expires", "soon", "--store", store
    )
    assert not store.exists()
    assert "no store is in" in mistake("keys", "list", "--store", store)
    with astrid_sdk.connect(store) as session:
        session.prepare()
    assert "no key has the id" in mistake("keys", "revoke", "0" * 12, "--store", store)
    assert "no keys" in astrid("keys", "list", "--store", store).err


def test_a_served_store_with_a_key_answers_nobody_without(store: Path) -> None:
    with astrid_sdk.connect(store) as session:
        session.prepare()
    token = astrid("keys", "create", "ann", "--role", "reader", "--store", store).out.strip()
    with serving(store) as process:
        url = f"{process.url}/storage/find"
        assert httpx.get(url, timeout=60).status_code == 401
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 200
        assert token not in process.log.read_text()

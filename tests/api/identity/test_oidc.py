"""Bearer tokens of an issuer: which count, what they give, and what happens while it is away."""

import base64
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from api.here import Here, embedded
from api.identity.local_issuer import AUDIENCE, LocalIssuer, local_issuer
from api.serving_process import serving
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from astrid_sdk.api.identity.key_store import KeyStore
from astrid_sdk.api.identity.oidc import FRESH_S, GRACE_S, MISS_FRESH_S, Issuer, Trust
from astrid_sdk.api.identity.roles import Role, rights_of, roles_of
from astrid_sdk.api.settings import ApiSettings
from astrid_sdk.config import Secret
from astrid_sdk.errors import InvalidInputError, StorageUnavailableError
from astrid_sdk.session import AstridSession
from astrid_sdk.tiers import Tier

ROLES = ("observers=reader writer:temp", "staff=admin", "a=b=curator:datasets")
NOW = int(time.time())


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(issuer: LocalIssuer, clock: Clock) -> Issuer:
    return Issuer(_trust(issuer), clock=clock)


@pytest.fixture
def session(tmp_path: Path) -> AstridSession:
    return embedded(tmp_path / "store")


@pytest.fixture
def key(session: AstridSession) -> str:
    return KeyStore.of(session).create("k", roles_of(["reader"]))[1].reveal()


@pytest.fixture
def here(issuer: LocalIssuer, session: AstridSession, key: str) -> Iterator[Here]:
    del key  # it is made before the service looks for keys
    with Here(session, **_settings(issuer)) as running:
        yield running


def _settings(issuer: LocalIssuer, **more: Any) -> dict[str, Any]:
    said = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE, "oidc_roles": ROLES}
    return {**said, **more}


def _trust(issuer: LocalIssuer, **more: Any) -> Trust:
    found = Trust.of(ApiSettings(**_settings(issuer, **more)))
    assert found is not None
    return found


def _status(here: Here, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return here.client.get("/storage/find", headers=headers).status_code


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("role", Role)
def test_a_token_gives_just_what_a_key_with_its_roles_gives(
    issuer: LocalIssuer, role: Role, tier: Tier
) -> None:
    trust = _trust(issuer, oidc_roles=(f"group={role}:{tier}",))
    found = Issuer(trust).authenticate(Secret(issuer.token(roles=["group", "unknown"])))
    assert found is not None
    assert found.rights == rights_of(roles_of([role], [tier]))


def test_a_service_takes_tokens_and_its_keys_and_nobody_else(
    here: Here, issuer: LocalIssuer, key: str
) -> None:
    assert _status(here, issuer.token()) == _status(here, key) == 200
    assert _status(here, "") == _status(here, "astrid_000000000000_x") == 401
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    for tier, status in (("temp", 201), ("models", 403)):
        url = f"/storage/upload?tier={tier}"
        assert here.client.post(url, headers=headers, content=b"x").status_code == status


def _altered(token: str, **claims: Any) -> str:
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{_encoded(json.dumps({**said, **claims}).encode())}.{signature}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _by_public_key(issuer: LocalIssuer) -> str:
    """Return a token that is signed with the public key as a shared secret."""
    public = issuer.private["first"][0].public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = _encoded(json.dumps({"alg": "HS256", "kid": "first"}).encode())
    signed = f"{header}.{issuer.token().split('.')[1]}"
    return f"{signed}.{_encoded(hmac.digest(pem, signed.encode(), 'sha256'))}"


def _by_another(issuer: LocalIssuer) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    stranger = rsa.generate_private_key(65537, 2048)
    return jwt.encode(claims, stranger, "RS256", {"kid": "first"})


def _unsigned(issuer: LocalIssuer) -> str:
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    return jwt.encode(claims, "", "none", {"kid": "first"})


FALSE: Mapping[str, Callable[[LocalIssuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=NOW - 3600),
    "without an end": lambda issuer: issuer.token(exp=None),
    "not yet": lambda issuer: issuer.token(nbf=NOW + 3600),
    "for others": lambda issuer: issuer.token(aud="another"),
    "for nobody": lambda issuer: issuer.token(aud=None),
    "of another issuer": lambda issuer: issuer.token(iss="https://example.org"),
    "of nobody": lambda issuer: issuer.token(sub=None),
    "without roles": lambda issuer: issuer.token(roles=None),
    "with roles that count nothing here": lambda issuer: issuer.token(roles=["admin", "reader"]),
    "with roles of another kind": lambda issuer: issuer.token(roles=[{"staff": 1}, 7]),
    "altered": lambda issuer: _altered(issuer.token(), roles=["staff"]),
    "by a public key": _by_public_key,
    "by another key": _by_another,
    "unsigned": _unsigned,
    "no token": lambda _: "a.b.c",
    "empty": lambda _: "..",
}


@pytest.mark.parametrize("kind", FALSE)
def test_what_does_not_count_is_not_told_apart(here: Here, issuer: LocalIssuer, kind: str) -> None:
    answer = here.client.get(
        "/storage/find", headers={"Authorization": f"Bearer {FALSE[kind](issuer)}"}
    )
    plain = here.client.get("/storage/find")
    assert answer.status_code == plain.status_code == 401
    assert {**answer.json(), "request_id": ""} == {**plain.json(), "request_id": ""}


@pytest.mark.parametrize(
    ("algorithm", "private"),
    [
        ("RS512", rsa.generate_private_key(65537, 2048)),
        ("PS256", rsa.generate_private_key(65537, 2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
@pytest.mark.parametrize("says_so", [True, False])
def test_keys_of_every_kind_count(
    issuer: LocalIssuer, known: Issuer, algorithm: str, private: Any, *, says_so: bool
) -> None:
    issuer.add_key("second", private, algorithm, **({"alg": algorithm} if says_so else {}))
    assert known.authenticate(Secret(issuer.token("second"))) is not None


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
@pytest.mark.parametrize(
    ("private", "algorithm", "told"),
    [
        (rsa.generate_private_key(65537, 1024), "RS256", {}),  # noqa: S505 - too short to count
        (rsa.generate_private_key(65537, 2048), "RS256", {"use": "enc"}),
        (rsa.generate_private_key(65537, 2048), "RS256", {"alg": "PS256"}),
    ],
)
def test_keys_that_are_weak_or_for_something_else_do_not(
    issuer: LocalIssuer, known: Issuer, private: Any, algorithm: str, told: dict[str, str]
) -> None:
    issuer.add_key("second", private, algorithm, **told)
    assert known.authenticate(Secret(issuer.token("second"))) is None
    assert known.authenticate(Secret(issuer.token("first"))) is not None


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("roles", {"roles": ["observers"]}),
        ("scope", {"scope": "openid observers"}),
        ("realm_access.roles", {"realm_access": {"roles": ["observers"]}}),
        ("https://astrid/roles", {"https://astrid/roles": ["observers"]}),
    ],
)
def test_roles_stand_in_the_claim_that_is_configured(
    issuer: LocalIssuer, claim: str, said: dict[str, Any]
) -> None:
    known = Issuer(_trust(issuer, oidc_roles_claim=claim))
    assert known.authenticate(Secret(issuer.token(**{"roles": ["staff"], **said}))) is not None
    assert known.authenticate(Secret(issuer.token(roles=None))) is None


def test_several_groups_give_the_most_that_one_gives(issuer: LocalIssuer, known: Issuer) -> None:
    found = known.authenticate(Secret(issuer.token(roles=["observers", "a=b"])))
    assert found is not None
    assert found.rights == rights_of(roles_of(["reader", "writer:temp", "curator:datasets"]))


def test_a_holder_is_named_for_logs_and_counted_by_issuer_and_subject(
    issuer: LocalIssuer, known: Issuer
) -> None:
    found = [
        known.authenticate(Secret(issuer.token(preferred_username=name, sub=subject)))
        for name, subject in (("Ada\n\x1b[31m", "1"), ("Ada", "1"), ("Ada", "2"))
    ]
    callers = [caller for caller in found if caller is not None]
    assert callers[0].name.startswith("Ada[31m (token ")
    assert callers[0].key_id == callers[1].key_id != callers[2].key_id


def test_keys_are_fetched_once_and_again_when_they_are_old(
    issuer: LocalIssuer, known: Issuer, clock: Clock
) -> None:
    token = Secret(issuer.token())
    assert known.recall(token) is None
    for _ in range(3):
        assert known.authenticate(token) is not None
    assert known.recall(token) is not None
    assert issuer.asked == ["/.well-known/openid-configuration", "/jwks"]
    clock.s = FRESH_S + 1
    assert known.recall(token) is None
    assert known.authenticate(token) is not None
    assert issuer.asked.count("/jwks") == 2


def test_a_new_key_counts_and_tokens_of_unknown_keys_do_not_make_the_issuer_busy(
    issuer: LocalIssuer, known: Issuer, clock: Clock
) -> None:
    assert known.authenticate(Secret(issuer.token())) is not None
    issuer.add_key("second", rsa.generate_private_key(65537, 2048), "RS256")
    second = Secret(issuer.token("second"))
    assert known.authenticate(second) is None
    clock.s += MISS_FRESH_S + 1
    assert known.authenticate(second) is not None
    del issuer.published[1]
    issuer.private["unknown"] = (rsa.generate_private_key(65537, 2048), "RS256")
    for _ in range(20):
        assert known.authenticate(Secret(issuer.token("unknown"))) is None
    assert issuer.asked.count("/jwks") == 2
    clock.s += FRESH_S + 1
    assert known.authenticate(second) is None  # it was taken back


def test_while_the_issuer_is_away_known_keys_hold_on_for_a_while(
    issuer: LocalIssuer, known: Issuer, clock: Clock
) -> None:
    token = Secret(issuer.token())
    assert known.authenticate(token) is not None
    issuer.documents.clear()
    clock.s = GRACE_S - 1
    assert known.authenticate(token) is not None
    clock.s = GRACE_S + 10
    with pytest.raises(StorageUnavailableError, match="issuer"):
        known.authenticate(token)


@pytest.mark.parametrize(
    "change",
    [
        lambda issuer: issuer.documents.clear(),
        lambda issuer: issuer.documents.update({"/jwks": ["no keys"]}),
        lambda issuer: issuer.documents.update({"/jwks": LocalIssuer.elsewhere("/moved")}),
        lambda issuer: issuer.documents.update({"/jwks": {"keys": []}}),
        lambda issuer: issuer.documents.update({"/jwks": {"keys": ["x" * (1 << 21)]}}),
        lambda issuer: issuer.documents["/.well-known/openid-configuration"].update(
            {"issuer": "https://example.org"}
        ),
        lambda issuer: issuer.documents["/.well-known/openid-configuration"].update(
            {"jwks_uri": "http://example.org/jwks"}
        ),
        lambda issuer: issuer.documents["/.well-known/openid-configuration"].update(
            {"jwks_uri": "file:///etc/passwd"}
        ),
    ],
)
def test_without_keys_tokens_get_a_503_and_api_keys_are_taken(
    here: Here, issuer: LocalIssuer, key: str, change: Any
) -> None:
    token = issuer.token()
    issuer.documents["/moved"] = {"keys": list(issuer.published)}
    change(issuer)
    answer = here.client.get("/storage/find", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer_away")
    assert "retry-after" in answer.headers
    assert "API keys are still taken" in answer.json()["detail"]
    assert _status(here, key) == 200


def test_the_keys_can_stand_at_an_address_of_their_own(issuer: LocalIssuer) -> None:
    issuer.documents["/keys"] = issuer.documents.pop("/jwks")
    known = Issuer(_trust(issuer, oidc_jwks_url=f"{issuer.url}/keys"))
    assert known.authenticate(Secret(issuer.token())) is not None
    assert issuer.asked == ["/keys"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"oidc_audience": ""}, "AUDIENCE"),
        ({"oidc_roles": ()}, "ROLES"),
        ({"oidc_roles": ("observers",)}, "ROLES"),
        ({"oidc_roles": ("observers=",)}, "give a role"),
        ({"oidc_roles": ("observers=king",)}, "king"),
        ({"oidc_roles": ("observers=reader:nowhere",)}, "nowhere"),
        ({"oidc_issuer": "http://example.org"}, "https"),
        ({"oidc_jwks_url": "file:///tmp/keys"}, "https"),
    ],
)
def test_a_configuration_that_would_let_in_the_wrong_is_refused(
    issuer: LocalIssuer, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        _trust(issuer, **wrong)


def test_a_token_is_never_in_the_log(
    here: Here, issuer: LocalIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = issuer.token(exp=NOW - 3600)
    assert _status(here, wrong) == 401
    assert _status(here, issuer.token()) == 200
    assert "ExpiredSignatureError" in caplog.text
    told = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not any(part in told for part in wrong.split("."))


def test_astrid_serve_reads_the_issuer_from_its_environment(
    issuer: LocalIssuer, tmp_path: Path
) -> None:
    environment = {
        "ASTRID_API_OIDC_ISSUER": issuer.url,
        "ASTRID_API_OIDC_AUDIENCE": AUDIENCE,
        "ASTRID_API_OIDC_ROLES": "observers=reader curator:datasets,staff=admin",
    }
    with serving(tmp_path / "store", environment=environment) as service:
        find = f"{service.url}/storage/find"
        headers = {"Authorization": f"Bearer {issuer.token()}"}
        assert httpx.get(find, headers=headers, timeout=60).status_code == 200
        assert httpx.get(find, timeout=60).status_code == 401

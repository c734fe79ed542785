"""Who signs a cluster's tokens: its keys in the form that Vault takes, and the question to the cluster."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from components.vault import issuer, jwk
from tests.unit.event_loop import run
from tests.unit.recorder import PUBLISHED


async def read(path: str) -> Mapping[str, Any]:
    return await issuer.read_path("site-b", path)


def encoded(number: int) -> str:
    """A number as a key set has it."""
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def written(key: Any) -> str:
    """A public key as others write it, without the last line break."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode().rstrip("\n"))


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_an_rsa_key_of_a_key_set_is_written_as_others_write_it(bits: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    numbers = key.public_key().public_numbers()
    found = {"kty": "RSA", "n": encoded(numbers.n), "e": encoded(numbers.e), "kid": "k", "use": "sig"}
    assert jwk.pem(found) == written(key)
    assert jwk.algorithm(found) == "RS256"


@pytest.mark.parametrize(
    ("curve", "name", "algorithm"),
    [(ec.SECP256R1(), "P-256", "ES256"), (ec.SECP384R1(), "P-384", "ES384"), (ec.SECP521R1(), "P-521", "ES512")],
)
def test_a_key_on_a_curve_is_written_as_others_write_it(curve: ec.EllipticCurve, name: str, algorithm: str) -> None:
    key = ec.generate_private_key(curve)
    numbers = key.public_key().public_numbers()
    found = {"kty": "EC", "crv": name, "x": encoded(numbers.x), "y": encoded(numbers.y)}
    assert jwk.pem(found) == written(key)
    assert jwk.algorithm(found) == algorithm


@pytest.mark.parametrize(
    "spoilt",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "secp256k1", "x": "AQ", "y": "AQ"},
        {"kty": "RSA", "n": "", "e": "AQAB"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "é", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": encoded(1 << 300), "y": "AQ"},
    ],
)
def test_a_key_of_another_kind_or_a_spoilt_one_is_told_from_a_good_one(spoilt: dict[str, Any]) -> None:
    with pytest.raises(jwk.KeyFormatError):
        jwk.pem(spoilt)


def test_what_is_no_key_is_left_out_and_the_order_is_not_the_clusters() -> None:
    keys = []
    for _ in range(3):
        numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        keys.append({"kty": "EC", "crv": "P-256", "x": encoded(numbers.x), "y": encoded(numbers.y)})
    one = issuer.issuer_of({"issuer": "https://i"}, {"keys": [*keys, {"kty": "OKP"}, "x"]})
    other = issuer.issuer_of({"issuer": "https://i"}, {"keys": [*reversed(keys), *keys]})
    assert one.keys == other.keys
    assert (len(one.keys), one.algorithms, len(one.left_out)) == (3, ("ES256",), 2)


@pytest.mark.parametrize(
    ("discovery", "keys", "said"),
    [
        ({}, PUBLISHED[issuer.KEYS], "names no issuer"),
        ({"issuer": "https://i"}, {"keys": []}, "publishes no key"),
        ({"issuer": "https://i"}, {"keys": [{"kty": "oct"}]}, "publishes no key"),
        ({"issuer": "https://i"}, {}, "publishes no key"),
    ],
)
def test_a_cluster_without_issuer_or_keys_is_a_sentence(
    discovery: dict[str, Any], keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(issuer.IssuerError, match=said):
        issuer.issuer_of(discovery, keys)


def program(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch, name: str = "kubectl") -> None:
    """Put a program of this name on PATH, and no other one."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_the_clusters_own_command_asks_with_the_stacks_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, """printf '{"said": "%s"}' "$*" """, monkeypatch, "oc")
    found = run(read(issuer.KEYS))
    assert found == {"said": "--context site-b --request-timeout 20s get --raw /openid/v1/jwks"}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Error from server (Forbidden): no' >&2; exit 1", "said 'Error from server (Forbidden): no'"),
        ("echo not json", "Expecting value"),
        ("echo '[]'", "said 'nothing'"),
    ],
)
def test_a_cluster_that_does_not_tell_its_keys_is_a_sentence_with_the_right_that_is_missing(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, script, monkeypatch)
    with pytest.raises(issuer.IssuerError) as refusal:
        run(read(issuer.KEYS))
    assert said in str(refusal.value)
    assert "kubectl --context site-b get --raw /openid/v1/jwks" in str(refusal.value)
    assert "system:service-account-issuer-discovery" in str(refusal.value)


def test_without_kubectl_and_oc_the_login_jwt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(issuer.IssuerError, match="with kubectl or oc, and neither is on PATH: install one"):
        run(read(issuer.KEYS))

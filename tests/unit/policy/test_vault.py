"""The way to Vault: reviewers of tokens, versions of External Secrets, and stores."""

import base64
import json
from typing import Any

import pytest

from policy.rules.vault_logins import AUTH_CONFIG, expiry
from tests.unit.policy.judging import UNKNOWN, judge, manifest


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def jwt(**claims: object) -> str:
    """A token that is signed by nobody."""
    return ".".join([encoded({"alg": "RS256"}), encoded(claims), "c2ln"])


def auth(**fields: Any) -> dict[str, Any]:
    return {"backend": "kubernetes-site-b", "kubernetesHost": "https://api.example.com:6443", **fields}


@pytest.mark.parametrize("rule", ["reviewer-token-expires", "reviewer-token-stored"])
def test_a_login_without_a_stored_reviewer_is_allowed(rule: str) -> None:
    assert not judge(rule, auth(), kind=AUTH_CONFIG)
    assert not judge(rule, auth(tokenReviewerJwt=""), kind=AUTH_CONFIG)


@pytest.mark.parametrize("field", ["tokenReviewerJwt", "tokenReviewerJwtWo"])
def test_a_reviewer_token_that_expires_is_refused_without_a_word_of_it(field: str) -> None:
    token = jwt(exp=1795824000, sub="system:serviceaccount:rhsi:rhsi-vault-reader")
    (said,) = judge("reviewer-token-expires", auth(**{field: token}), kind=AUTH_CONFIG)
    assert said.startswith(
        f"AuthBackendConfig kubernetes-site-b: {field} is a token that expires at 2026-11-28T00:00:00Z, "
    )
    assert not any(part in said for part in token.split("."))
    assert not judge("reviewer-token-stored", auth(**{field: token}), kind=AUTH_CONFIG), "one rule says it"


@pytest.mark.parametrize("token", [jwt(sub="x"), "opaque", UNKNOWN])
def test_a_stored_token_that_never_expires_is_the_other_rules_business(token: str) -> None:
    assert not judge("reviewer-token-expires", auth(tokenReviewerJwt=token), kind=AUTH_CONFIG)
    (said,) = judge("reviewer-token-stored", auth(tokenReviewerJwt=token), kind=AUTH_CONFIG)
    assert "tokenReviewerJwt is set" in said
    assert token not in said


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", f"x.{encoded([])}.y", jwt(exp="soon"), jwt(exp=1e300), None, 5])
def test_what_is_no_token_with_an_end_has_none(token: object) -> None:
    assert expiry(token) is None


def test_another_auth_method_has_no_reviewer() -> None:
    other = "vault:jwt/authBackend:AuthBackend"
    assert not judge("reviewer-token-stored", auth(tokenReviewerJwt="x"), kind=other)


@pytest.mark.parametrize("kind", ["ExternalSecret", "SecretStore", "ClusterSecretStore", "ClusterExternalSecret"])
def test_an_object_of_external_secrets_has_the_version_v1(kind: str) -> None:
    group = "external-secrets.io"
    assert not judge("external-secrets-v1", manifest(kind, api_version=f"{group}/v1"))
    (said,) = judge("external-secrets-v1", manifest(kind, api_version=f"{group}/v1beta1"))
    assert said == (
        f"{kind} rhsi/it: apiVersion is external-secrets.io/v1beta1, which External Secrets 0.17 and newer do not "
        "serve; set external-secrets.io/v1."
    )


def test_the_version_counts_wherever_it_is_written() -> None:
    beta, good = "external-secrets.io/v1beta1", manifest("SecretStore")
    assert judge(
        "external-secrets-v1", {**good, "apiVersion": beta}, kind="kubernetes:external-secrets.io/v1:SecretStore"
    )
    assert judge("external-secrets-v1", good, kind=f"kubernetes:{beta}:SecretStore")
    assert judge("external-secrets-v1", {"metadata": {}}, kind=f"kubernetes:{beta}:SecretStore")
    assert not judge(
        "external-secrets-v1", {**good, "apiVersion": UNKNOWN}, kind="kubernetes:external-secrets.io/v1:SecretStore"
    )


def test_kinds_that_have_no_version_v1_are_left_alone() -> None:
    assert not judge("external-secrets-v1", manifest("PushSecret", api_version="external-secrets.io/v1alpha1"))
    assert not judge("external-secrets-v1", manifest("Password", api_version="generators.external-secrets.io/v1alpha1"))


def store(**vault: Any) -> dict[str, Any]:
    return manifest("SecretStore", spec={"provider": {"vault": {"server": "https://vault.example.com:8200", **vault}}})


@pytest.mark.parametrize("ca", [{"caBundle": "bm8="}, {"caProvider": {"name": "ca"}}, {"caBundle": UNKNOWN}])
def test_a_store_with_a_ca_is_allowed(ca: dict[str, Any]) -> None:
    assert not judge("secret-store-ca", store(**ca))


def test_a_store_without_a_ca_is_told_of_its_server() -> None:
    assert judge("secret-store-ca", store()) == [
        "SecretStore rhsi/it: spec.provider.vault has neither caBundle nor caProvider, so only a publicly trusted "
        "certificate of vault.example.com will do; set the CA, or name vault.example.com in publiclyTrusted of this "
        "policy."
    ]


def test_a_publicly_trusted_server_may_be_configured() -> None:
    assert not judge("secret-store-ca", store(), config={"publiclyTrusted": ["*.example.com"]})
    assert judge("secret-store-ca", store(), config={"publiclyTrusted": ["example.com"]})


@pytest.mark.parametrize("server", [None, "", "http://vault.example.com:8200", "vault.example.com:8200"])
def test_a_store_without_tls_is_refused_and_has_no_use_for_a_ca(server: str | None) -> None:
    (said,) = judge("secret-store-tls", store(server=server))
    assert said.endswith("over which token and secrets go in the clear; set an https URL.")
    assert not judge("secret-store-ca", store(server=server))


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        ("http://user:hunter2@vault.example.com", "http://vault.example.com"),
        ("http://user:hunter2/@vault.example.com", "http://vault.example.com"),
        ("user:hunter2@vault.example.com", "vault.example.com"),
        ("https://user:hunter2@[vault", "https://[vault"),
    ],
)
def test_a_password_in_the_url_is_in_no_message(server: str, shown: str) -> None:
    (said,) = judge("secret-store-tls", store(server=server))
    assert f'server is "{shown}"' in said
    assert not judge("secret-store-ca", store(server=server))


def test_what_a_preview_does_not_know_of_a_store_is_not_judged() -> None:
    for rule in ("secret-store-tls", "secret-store-ca"):
        assert not judge(rule, store(server=UNKNOWN))
        assert not judge(rule, manifest("SecretStore", spec=UNKNOWN))
    assert not judge("secret-store-tls", store(server="HTTPS://vault.example.com"))


def test_a_store_of_another_provider_is_not_about_vault() -> None:
    aws = manifest("SecretStore", spec={"provider": {"aws": {"service": "SecretsManager"}}})
    assert not judge("secret-store-tls", aws)
    assert not judge("secret-store-ca", aws)

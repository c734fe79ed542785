"""Certificates in settings: only they pass on, whatever a person has pasted around them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components import settings
from components.secret_store import store_spec
from components.settings import Settings
from components.sites.vault import secret_store_args
from lab.certificates import Authority
from tests.unit.recorder import PRIMARY, STANDBY, settings_of

KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = [
    KEY.private_bytes(serialization.Encoding.PEM, form, encryption).decode()
    for form, encryption in (
        (serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        (serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"password")),
        (serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()),
        (serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()),
    )
]
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
REQUEST = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(KEY, hashes.SHA256())
FIRST, LAST = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    one, other = (Authority(tmp_path_factory.mktemp(name), name) for name in ("one", "other"))
    return one.certificate.read_text(), other.certificate.read_text()


def vault_ca(pem: str) -> dict[str, Any]:
    return {**STANDBY, "vault": {**STANDBY["vault"], "ca": pem}}


def cluster_ca(pem: str) -> dict[str, Any]:
    return {**STANDBY, "cluster": {**STANDBY["cluster"], "ca": pem}}


def shared_ca(pem: str) -> dict[str, Any]:
    return {**PRIMARY, "edb": {"enabled": True, "operator": "community", "ca": {"certificate": pem}}}


@dataclass(frozen=True)
class Place:
    """A setting that holds certificates: settings with one there, and what is read of them."""

    key: str
    values: Callable[[str], dict[str, Any]]
    found: Callable[[Settings], str]


PLACES = [
    Place("vault.ca", vault_ca, lambda read: read.vault.ca),
    Place("cluster.ca", cluster_ca, lambda read: read.cluster.ca),
    Place("edb.ca.certificate", shared_ca, lambda read: read.edb.ca.certificate),
]
SETTINGS = pytest.mark.parametrize("place", PLACES, ids=[place.key for place in PLACES])


def refused(values: dict[str, Any]) -> str:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    with pytest.raises(settings.SettingsError) as refusal:
        settings.load(texts, stack="site-z")
    return str(refusal.value)


def test_every_setting_that_holds_a_certificate_is_among_these() -> None:
    def fields(model: Any, path: str = "") -> set[str]:
        found: set[str] = set()
        for field in model.model_fields.values():
            here = f"{path}{field.alias}"
            if hasattr(field.annotation, "model_fields"):
                found |= fields(field.annotation, f"{here}.")
            elif field.alias in ("ca", "certificate"):
                found.add(here)
        return found

    assert fields(Settings) == {place.key for place in PLACES}


@SETTINGS
@pytest.mark.parametrize("private", PRIVATE, ids=["PKCS8", "encrypted", "SEC1", "OpenSSH"])
def test_a_private_key_beside_a_certificate_is_refused_and_not_shown(
    place: Place, private: str, certificates: tuple[str, str]
) -> None:
    for text in (certificates[0] + private, private + certificates[0], private, private[: len(private) // 2]):
        told = refused(place.values(text))
        assert (
            f"rhsi:{place.key} is [secret]: it holds a private key, and this setting is published; remove the key"
            in told
        )
        assert not any(line in told for line in private.splitlines() if "-----" not in line)


@pytest.mark.parametrize(
    "wrong",
    [lambda key: vault_ca([key]), lambda key: {**STANDBY, "vault": key}, lambda key: {**STANDBY, "vault": {"x": key}}],  # type: ignore[arg-type] # wrong on purpose
)
def test_a_private_key_in_a_value_of_another_shape_is_not_shown_either(wrong: Callable[[str], Any]) -> None:
    assert PRIVATE[0].splitlines()[1] not in refused(wrong(PRIVATE[0]))


@SETTINGS
def test_text_around_the_certificates_is_left_out_and_their_order_kept(
    place: Place, certificates: tuple[str, str]
) -> None:
    one, other = certificates
    pasted = f"# the old one, naïve\n{one.replace(chr(10), chr(13) + chr(10))}\nsubject=CN = other\n  {other}"
    assert place.found(read(place.values(pasted))) == one + other
    assert place.found(read(place.values(one + other))) == one + other
    assert place.found(read(place.values(one.strip()))) == one.strip(), "what holds nothing else stays as it is"


def read(values: dict[str, Any]) -> Settings:
    """The settings, with what `verify-full` needs beside the certificate."""
    if "edb" in values:
        ca = {**values["edb"]["ca"], "key": PRIVATE[2]}
        values = {**values, "edb": {**values["edb"], "tls": "verify-full", "ca": ca}}
    return settings_of(values, stack="site-z")


def test_a_secret_store_gets_nothing_but_the_certificates(certificates: tuple[str, str]) -> None:
    loaded = settings_of(vault_ca(f"issued by the platform team\n{certificates[0]}"), stack="site-b")

    class Auth:
        auth_path, role = "kubernetes-site-b", "rhsi-site-b"

    spec = store_spec(secret_store_args(loaded, "rhsi", Auth(), "reader"))  # type: ignore[arg-type] # two names are enough
    plain = settings_of(vault_ca(certificates[0]), stack="site-b")
    assert spec == store_spec(secret_store_args(plain, "rhsi", Auth(), "reader"))  # type: ignore[arg-type] # as above


@SETTINGS
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("abc", "it is no certificate in PEM"),
        (PUBLIC.decode(), "its block 1 is a PUBLIC KEY, no CERTIFICATE"),
        (
            REQUEST.public_bytes(serialization.Encoding.PEM).decode(),
            "its block 1 is a CERTIFICATE REQUEST, no CERTIFICATE",
        ),
        (f"{FIRST}AAAA\n{LAST}", "the text of its certificate 1 is damaged"),
        (f"{FIRST}no base64!\n{LAST}", "the text of its certificate 1 is damaged"),
        (f"{FIRST}Proc-Type: 4,ENCRYPTED\n\nAAAA\n{LAST}", "the text of its certificate 1 is damaged"),
        (f"{FIRST}AAAA\n", "it holds a block without its beginning or end"),
        (f"AAAA\n{LAST}", "it holds a block without its beginning or end"),
    ],
)
def test_what_is_no_certificate_is_refused_by_what_it_is(place: Place, text: str, problem: str) -> None:
    assert f"rhsi:{place.key} is [secret]: {problem}" in refused(place.values(text))


@SETTINGS
def test_a_damaged_one_is_found_among_good_ones(place: Place, certificates: tuple[str, str]) -> None:
    damaged = certificates[1].replace("\nMII", "\nXXX", 1)
    assert f"rhsi:{place.key} is [secret]: the text of its certificate 2 is damaged" in refused(
        place.values(certificates[0] + damaged)
    )


def test_the_key_of_the_shared_authority_is_a_key_by_purpose(certificates: tuple[str, str]) -> None:
    found = read(shared_ca(certificates[0])).edb.ca
    assert found.certificate == certificates[0]
    assert found.key.get_secret_value() == PRIVATE[2]

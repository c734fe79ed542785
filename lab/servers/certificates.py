"""Certificates: an authority for each server, since real clusters do not share one either.

Owns keys and certificates on disk (0600). Elliptic curves for TLS, because they are made in no time; RSA for service
accounts, because their tokens should look like any cluster's (RS256).
"""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = datetime.timedelta(days=3650)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """An authority in a folder: `ca.crt`, `ca.key` and what it issued; made at the first use, then reused."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._ca = Pair(folder / "ca.crt", folder / "ca.key")
        if not self._ca.certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            subject = _name(name)
            builder = _builder(subject, subject, key)
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            builder = builder.add_extension(_usage(signing_certificates=True), critical=True)
            # Strict verifiers (Python 3.13 and newer) insist on both key identifiers.
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(identifier, critical=False)
            self._store(self._ca, builder.sign(key, hashes.SHA256()), key)

    @property
    def certificate(self) -> Path:
        """The PEM file that clients trust."""
        return self._ca.certificate

    def server(self, name: str, hosts: tuple[str, ...]) -> Pair:
        """A certificate for a TLS server with these host names and addresses."""
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        return self._issue(name, _name(name), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, name: str, group: str) -> Pair:
        """A client certificate; Kubernetes reads the common name as user and the organisation as group."""
        return self._issue(name, _name(name, group), ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self, file: str, subject: x509.Name, purpose: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> Pair:
        pair = Pair(self._folder / f"{file}.crt", self._folder / f"{file}.key")
        if pair.certificate.exists():
            return pair
        ca = x509.load_pem_x509_certificate(self._ca.certificate.read_bytes())
        ca_key = serialization.load_pem_private_key(self._ca.key.read_bytes(), password=None)
        if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._ca.key} holds no elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(subject, ca.subject, key)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signing_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        self._store(pair, builder.sign(ca_key, hashes.SHA256()), key)
        return pair

    @staticmethod
    def _store(pair: Pair, certificate: x509.Certificate, key: PrivateKey) -> None:
        """The key first: where the certificate is, its key is too."""
        write_private(pair.key, _pem(key))
        write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def signing_key(file: Path) -> Path:
    """An RSA key for service-account tokens, made at the first use."""
    if not file.exists():
        write_private(file, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    return file


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_bytes(content)
    new.rename(file)


def _builder(subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )


def _name(common_name: str, organisation: str | None = None) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(attributes)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signing_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signing_certificates,
        crl_sign=signing_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )

"""X.509 for the lab: keys, certificates and authorities, in memory (`Pair`) and in a folder (`Authority`).

Owns how a certificate is made and read, in PEM. Does not own what certificates of Skupper and of CloudNativePG look
like: their stand-ins say so (skupper/pki.py, cnpg/pki.py). Knows nothing of Kubernetes objects.
"""

import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.files import write_private

LIFETIME = timedelta(days=3650)
# A peer whose clock is slightly behind must accept a certificate made this very second.
BACKDATED = timedelta(minutes=5)
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_USAGES = (
    "digital_signature",
    "key_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "content_commitment",
    "data_encipherment",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, PEM. The key shows in no representation."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Files:
    """A certificate and its private key as PEM files."""

    certificate: Path
    key: Path


def elliptic_key() -> ec.EllipticCurvePrivateKey:
    """A new key on P-256, made in no time."""
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> rsa.RSAPrivateKey:
    """A new RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_pem(key: PrivateKey) -> bytes:
    """PEM in the traditional form: PKCS#1 for RSA, SEC1 for elliptic curves, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def name(common_name: str, *, organisation: str = "", unit: str = "") -> x509.Name:
    """A subject; empty parts are left out."""
    parts = {
        NameOID.ORGANIZATION_NAME: organisation,
        NameOID.ORGANIZATIONAL_UNIT_NAME: unit,
        NameOID.COMMON_NAME: common_name,
    }
    return x509.Name([x509.NameAttribute(part, value) for part, value in parts.items() if value])


def issue(
    subject: x509.Name,
    key: PrivateKey,
    lifetime: timedelta,
    *,
    signer: Pair | None = None,
    usage: Collection[str],
    purposes: Sequence[x509.ObjectIdentifier] = (),
    names: Sequence[x509.GeneralName] = (),
) -> Pair:
    """A certificate for a key: signed by an authority, or without one a self-signed authority.

    As Go's x509.CreateCertificate, an authority carries the identifier of its key, and what it signs repeats that.

    Args:
        subject: of the certificate.
        key: the subject's.
        lifetime: counted from five minutes ago.
        signer: the authority; its key may be RSA or on an elliptic curve.
        usage: of the key, as cryptography's x509.KeyUsage names it.
        purposes: the extended usage; none leaves the extension out.
        names: by which the subject is known; none leaves the extension out.

    Raises:
        ValueError: the authority is no certificate with such a key, in PEM.
    """
    signing_key, issuer = (key, subject) if signer is None else _signing(signer)
    begin = datetime.now(UTC) - BACKDATED
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lifetime)
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{each: each in usage for each in _USAGES}), critical=True)
    )
    if signer is None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    elif identifier := _key_identifier(signer):
        builder = builder.add_extension(identifier, critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(signing_key, hashes.SHA256())
    return Pair(signed.public_bytes(serialization.Encoding.PEM), key_pem(key))


def _signing(signer: Pair) -> tuple[PrivateKey, x509.Name]:
    key = load_key(signer.key)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the authority's key is neither RSA nor on an elliptic curve")  # noqa: TRY004 - as for bad PEM
    return key, x509.load_pem_x509_certificate(signer.certificate).subject


def _key_identifier(signer: Pair) -> x509.AuthorityKeyIdentifier | None:
    extensions = x509.load_pem_x509_certificate(signer.certificate).extensions
    try:
        found = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return None
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)


def load_key(pem: bytes) -> PrivateKeyTypes:
    """A private key without a password.

    Raises:
        ValueError: it is none.
    """
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError("the key is encrypted") from error


def general_name(host: str) -> x509.GeneralName:
    """A host as an alternative name: an IP address where it is one, a DNS name otherwise."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def hosts(certificate: x509.Certificate) -> frozenset[str]:
    """The DNS names and IP addresses that a certificate is good for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    return frozenset((*names.get_values_for_type(x509.DNSName), *addresses))


def chains_to(certificate: bytes, bundle: bytes) -> bool:
    """Whether a certificate is valid now and signed by one of the authorities in the bundle."""
    try:
        found = x509.load_pem_x509_certificate(certificate)
        authorities = x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return False
    is_valid = found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc
    return is_valid and any(_is_signed_by(found, authority) for authority in authorities)


def _is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


class Authority:
    """An authority in a folder: `ca.crt`, `ca.key` and what it issued (0600); made at the first use, then reused."""

    def __init__(self, folder: Path, common_name: str) -> None:
        self._folder = folder
        usage = ("digital_signature", "key_cert_sign", "crl_sign")
        self._files = self._kept("ca", lambda: issue(name(common_name), elliptic_key(), LIFETIME, usage=usage))

    @property
    def certificate(self) -> Path:
        """The PEM file that clients trust."""
        return self._files.certificate

    def server(self, file: str, addresses: Sequence[str]) -> Files:
        """A certificate for a TLS server with these host names and IP addresses, in `<file>.crt` and `<file>.key`."""
        return self._issued(file, name(file), ExtendedKeyUsageOID.SERVER_AUTH, addresses)

    def client(self, file: str, group: str) -> Files:
        """A client certificate; Kubernetes reads the common name as user and the organisation as group."""
        return self._issued(file, name(file, organisation=group), ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issued(
        self, file: str, subject: x509.Name, purpose: x509.ObjectIdentifier, addresses: Sequence[str] = ()
    ) -> Files:
        def make() -> Pair:
            signer = Pair(self._files.certificate.read_bytes(), self._files.key.read_bytes())
            names = [general_name(address) for address in addresses]
            usage = ("digital_signature",)
            return issue(
                subject, elliptic_key(), LIFETIME, signer=signer, usage=usage, purposes=(purpose,), names=names
            )

        return self._kept(file, make)

    def _kept(self, file: str, make: Callable[[], Pair]) -> Files:
        files = Files(self._folder / f"{file}.crt", self._folder / f"{file}.key")
        if not files.certificate.exists():
            pair = make()
            # The key first: where the certificate is, its key is too.
            write_private(files.key, pair.key)
            write_private(files.certificate, pair.certificate)
        return files


def signing_key(file: Path) -> Path:
    """An RSA key for service-account tokens (RS256, as any cluster's), made at the first use."""
    if not file.exists():
        write_private(file, key_pem(rsa_key()))
    return file

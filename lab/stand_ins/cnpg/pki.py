"""X.509 material as the operator issues it (upstream: pkg/certs/certs.go): EC keys on P-256 in SEC1 PEM, 90 days.

Pure functions on PEM. A CA that somebody brings must have such a key too: RSA and PKCS#8 keys are refused, as upstream
refuses them. Knows nothing of Kubernetes objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=90)
RENEWED_BEFORE_END = timedelta(days=7)
# A peer whose clock is slightly behind must accept a certificate made this very second.
BACKDATED = timedelta(minutes=5)
_SEC1 = b"-----BEGIN EC PRIVATE KEY-----"


class CertificateError(Exception):
    """What is wrong with a certificate or key, in upstream's words."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM encoded."""

    certificate: bytes
    key: bytes = field(repr=False)

    def check(self) -> None:
        """See that they belong together.

        Raises:
            CertificateError: they do not, or one of them cannot be read.
        """
        try:
            private = serialization.load_pem_private_key(self.key, password=None)
            same = private.public_key() == x509.load_pem_x509_certificate(self.certificate).public_key()
        except (ValueError, TypeError) as error:
            raise CertificateError(f"tls: failed to parse private key or certificate: {error}") from error
        if not same:
            raise CertificateError("tls: private key does not match public key")


def create_authority(name: str, unit: str) -> Pair:
    """A self-signed CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def issue_server(authority: Pair, host: str, names: Sequence[str]) -> Pair:
    """A certificate for a server that is known by these DNS names.

    Raises:
        CertificateError: the authority's key is not an EC key in SEC1 PEM.
    """
    return _issue(authority, host, list(dict.fromkeys([*names, host])), ExtendedKeyUsageOID.SERVER_AUTH)


def issue_client(authority: Pair, user: str) -> Pair:
    """A certificate by which a database user authenticates.

    Raises:
        CertificateError: the authority's key is not an EC key in SEC1 PEM.
    """
    return _issue(authority, user, [], ExtendedKeyUsageOID.CLIENT_AUTH)


def _issue(authority: Pair, name: str, dns: Sequence[str], usage: x509.ObjectIdentifier) -> Pair:
    if not authority.key.lstrip().startswith(_SEC1):
        raise CertificateError("invalid private key PEM block type")
    signer = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise CertificateError("invalid private key PEM block type")
    issuer = x509.load_pem_x509_certificate(authority.certificate).subject
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if dns:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host) for host in dns]), critical=False
        )
    return Pair(_pem(builder.sign(signer, hashes.SHA256())), _key_pem(key))


def is_current(certificate: bytes, names: Sequence[str]) -> bool:
    """Whether a certificate still serves: not about to end, and for exactly these names.

    Who signed it is deliberately not asked, as upstream does not (pkg/certs/k8s.go): after a CA was exchanged, the old
    certificates stay until their Secrets are deleted.
    """
    end = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    return datetime.now(UTC) + RENEWED_BEFORE_END < end and set(dns_names(certificate)) == set(names)


def dns_names(certificate: bytes) -> list[str]:
    """The names that a server's certificate is good for."""
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def expiration(certificate: bytes) -> str:
    """When a certificate ends, as Go prints a time."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) - BACKDATED
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + LIFETIME)
    )


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_agreement=not signs,
        key_cert_sign=signs,
        key_encipherment=False,
        content_commitment=False,
        data_encipherment=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )

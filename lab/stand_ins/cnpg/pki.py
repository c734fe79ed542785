"""What certificates of the operator look like (upstream: pkg/certs/certs.go): EC keys on P-256 in SEC1 PEM, 90 days.

A CA that somebody brings must have such a key too: RSA and PKCS#8 keys are refused, as upstream refuses them. How a
certificate is made is every issuer's (lab.certificates).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from lab import certificates
from lab.certificates import Pair

LIFETIME = timedelta(days=90)
RENEWED_BEFORE_END = timedelta(days=7)
_SEC1 = b"-----BEGIN EC PRIVATE KEY-----"


class CertificateError(Exception):
    """What is wrong with a certificate or key, in upstream's words."""


def check(pair: Pair) -> None:
    """See that a certificate and a key belong together.

    Raises:
        CertificateError: they do not, or one of them cannot be read.
    """
    try:
        public = x509.load_pem_x509_certificate(pair.certificate).public_key()
        same = certificates.load_key(pair.key).public_key() == public
    except ValueError as error:
        raise CertificateError(f"tls: failed to parse private key or certificate: {error}") from error
    if not same:
        raise CertificateError("tls: private key does not match public key")


def create_authority(name: str, unit: str) -> Pair:
    """A self-signed CA."""
    subject = certificates.name(name, unit=unit)
    return certificates.issue(subject, certificates.elliptic_key(), LIFETIME, usage=("key_cert_sign",))


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


def _issue(authority: Pair, name: str, dns: Sequence[str], purpose: x509.ObjectIdentifier) -> Pair:
    is_sec1 = authority.key.lstrip().startswith(_SEC1)
    if not is_sec1 or not isinstance(certificates.load_key(authority.key), ec.EllipticCurvePrivateKey):
        raise CertificateError("invalid private key PEM block type")
    return certificates.issue(
        certificates.name(name),
        certificates.elliptic_key(),
        LIFETIME,
        signer=authority,
        usage=("digital_signature", "key_agreement"),
        purposes=(purpose,),
        names=[x509.DNSName(host) for host in dns],
    )


def is_current(certificate: bytes, names: Sequence[str]) -> bool:
    """Whether a certificate still serves: not about to end, and for exactly these names.

    Who signed it is deliberately not asked, as upstream does not (pkg/certs/k8s.go): after a CA was exchanged, the old
    certificates stay until their Secrets are deleted.
    """
    found = x509.load_pem_x509_certificate(certificate)
    is_young = datetime.now(UTC) + RENEWED_BEFORE_END < found.not_valid_after_utc
    return is_young and certificates.hosts(found) == set(names)


def expiration(certificate: bytes) -> str:
    """When a certificate ends, as Go prints a time."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")

"""What certificates of the controller look like, in the form of `kubernetes.io/tls` Secret data.

The profile is upstream's internal/certs/certs.go:104-192: RSA-2048, PKCS#1 keys, 5 years, server and client
authentication, every host as DNS name and, where it is one, as IP address. How a certificate is made is every issuer's
(lab.certificates).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab import certificates
from lab.certificates import Pair

LIFETIME = timedelta(days=5 * 365)
PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True)
class TlsData:
    """The data of a TLS Secret, PEM encoded. The key shows in no representation."""

    crt: bytes
    key: bytes
    ca: bytes

    def __repr__(self) -> str:
        return "TlsData(...)"


def issue(subject: str, hosts: list[str], ca: TlsData | None) -> TlsData:
    """A new key and certificate, signed by `ca`, or a new self-signed CA without one.

    Raises:
        ValueError: the CA's data is not a certificate and an RSA key in PEM.
    """
    if ca and not isinstance(certificates.load_key(ca.key), rsa.RSAPrivateKey):
        raise ValueError("the key of the CA is not an RSA key")
    made = certificates.issue(
        certificates.name(subject),
        certificates.rsa_key(),
        LIFETIME,
        signer=Pair(ca.crt, ca.key) if ca else None,
        usage=("digital_signature", "key_encipherment", *(() if ca else ("key_cert_sign",))),
        purposes=PURPOSES,
        names=[name for host in hosts for name in _alternative_names(host)],
    )
    return TlsData(crt=made.certificate, key=made.key, ca=ca.crt if ca else made.certificate)


def _alternative_names(host: str) -> list[x509.GeneralName]:
    found = certificates.general_name(host)
    return [found] if isinstance(found, x509.DNSName) else [found, x509.DNSName(host)]


def is_correct(crt: bytes, subject: str, hosts: list[str]) -> bool:
    """Whether a certificate still serves: not expired, this CN, exactly these hosts.

    Who signed it is deliberately not asked, as upstream does not (internal/kube/certificates/mgr.go:445-482): after the
    CA was re-keyed its old certificates stay until their Secrets are deleted.
    """
    try:
        certificate = x509.load_pem_x509_certificate(crt)
    except ValueError:
        return False
    names = [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    is_valid = certificate.not_valid_after_utc > datetime.now(UTC)
    return is_valid and names == [subject] and certificates.hosts(certificate) == set(hosts)

"""X.509 material as the controller issues it, in the form of `kubernetes.io/tls` Secret data.

Owns keys, certificates and the question whether a certificate chains to a CA. Knows nothing of Kubernetes objects
beyond the three keys of the data. The profile is upstream's internal/certs/certs.go:104-192: RSA-2048, PKCS#1 keys,
5 years, server and client authentication, every host as DNS name and, where it is one, as IP address.
"""

import contextlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=5 * 365)
# A peer whose clock is slightly behind must accept a certificate made this very second.
BACKDATED = timedelta(minutes=1)


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
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    issuer, signer = name, key
    if ca:
        issuer = x509.load_pem_x509_certificate(ca.crt).subject
        loaded = serialization.load_pem_private_key(ca.key, password=None)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise ValueError("the key of the CA is not an RSA key")
        signer = loaded
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
        .add_extension(_key_usage(signs=ca is None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(_alternative_names(hosts)), critical=False)
    crt = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return TlsData(crt=crt, key=pem, ca=ca.crt if ca else crt)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=signs,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(hosts: list[str]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for host in hosts:
        with contextlib.suppress(ValueError):
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        names.append(x509.DNSName(host))
    return names


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
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        valid_for = set(found.get_values_for_type(x509.DNSName))
        valid_for |= {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    except x509.ExtensionNotFound:
        valid_for = set()
    return certificate.not_valid_after_utc > datetime.now(UTC) and names == [subject] and valid_for == set(hosts)


def chains_to(crt: bytes, bundle: bytes) -> bool:
    """Whether a certificate is valid now and signed by one of the CAs in the bundle."""
    try:
        certificate = x509.load_pem_x509_certificate(crt)
        authorities = x509.load_pem_x509_certificates(bundle)
    except ValueError:
        return False
    if not certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc:
        return False
    return any(_signed_by(certificate, authority) for authority in authorities)


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

"""The formats that Kubernetes, Vault and Go impose on settings.

Each function returns what is wrong and what would be right as one phrase, or None for a good value. Values never appear
in the phrases: whoever reports them knows which of them are secret.
"""

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from components.container_resources import amount

_SERVICE = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
# Kubernetes keeps the first of these for itself, OpenShift the others.
_PLATFORMS_NAMESPACE = re.compile(r"kube-.*|openshift(-.*)?")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VAULT_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s|us|µs|ns))+")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|µs|ns)")
# 100 years, less than the longest duration of Go.
_LONGEST_SECONDS = 876_000 * 3600
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_IMAGE = re.compile(r"[a-z0-9][\w.:-]*(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?", re.ASCII)
# Vault's own mounts; it refuses others at or below them (vault:vault/mount.go, protectedMounts).
_VAULT_RESERVED = frozenset({"audit", "auth", "sys", "cubbyhole", "identity"})


def kubernetes_name(text: str) -> str | None:
    """A label of RFC 1123, as namespaces and everything named after a site need it."""
    if _LABEL.fullmatch(text):
        return None
    return "Kubernetes takes 1 to 63 lower-case letters, digits and hyphens here, with a letter or digit at both ends"


def service_name(text: str) -> str | None:
    """A label of RFC 1035, as Services need it: RFC 1123 would let it begin with a digit."""
    if _SERVICE.fullmatch(text):
        return None
    return (
        "it is the name of a Service, for which Kubernetes takes 1 to 63 lower-case letters, digits and hyphens, with "
        "a letter first and a letter or digit last"
    )


def object_name(text: str) -> str | None:
    """A subdomain of RFC 1123, as most objects may be called that somebody else made."""
    if len(text) <= 253 and all(_LABEL.fullmatch(part) for part in text.split(".")):
        return None
    return "it is the name of an object, for which Kubernetes takes lower-case letters, digits, hyphens and dots"


def data_key(text: str) -> str | None:
    """A key of a ConfigMap or Secret."""
    if re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", text):
        return None
    return "Kubernetes takes letters, digits, '-', '_' and '.' for a key of a ConfigMap or Secret"


def namespace(text: str) -> str | None:
    """A namespace that is not the platform's own: what is in those goes, or is changed, with the platform's updates."""
    if _PLATFORMS_NAMESPACE.fullmatch(text):
        return "namespaces of that name are the platform's own; choose another one, such as rhsi"
    return kubernetes_name(text)


def vault_path(text: str) -> str | None:
    """The path of a mount, without slashes at its ends."""
    segments = text.split("/")
    if not all(_VAULT_SEGMENT.fullmatch(segment) for segment in segments):
        return (
            "Vault takes letters, digits, '-', '_' and '.' here, in parts joined by '/', without a slash at either end"
        )
    if segments[0] in _VAULT_RESERVED:
        return f"'{segments[0]}' is Vault's own mount; choose another path"
    return None


def vault_folder(text: str) -> str | None:
    """A folder below a KV mount: as `vault_path`, and no part of it may be a site's name.

    A site's policy reads everything below the folder of that name, so a folder that could be a site's would be readable
    to it.
    """
    segments = text.split("/")
    if not all(_VAULT_SEGMENT.fullmatch(segment) for segment in segments):
        return vault_path(text)
    if any(_LABEL.fullmatch(segment) for segment in segments):
        return (
            "a site could have this name, and would read what is below; give each part a '.', a '_' or a capital "
            "letter, such as env.test"
        )
    return None


def duration_seconds(text: str) -> float | None:
    """Length of a Go duration (time.ParseDuration) in seconds, or None where it is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def duration(text: str) -> str | None:
    """A Go duration of at least a second. The CRDs' own check is laxer: `1 day` passes it and then fails Skupper."""
    seconds = duration_seconds(text)
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return "it is a number without a unit; write h, m or s behind it, such as 5m"
    if seconds is None:
        return "it is no duration; write numbers with h, m or s and no spaces, such as 90s, 15m or 1h30m"
    if seconds > _LONGEST_SECONDS:
        return "it is longer than 100 years; write for example 15m"
    return None if seconds >= 1 else "it is shorter than a second; write for example 15m"


def whole_seconds(text: str) -> str | None:
    """A Go duration without parts of a second."""
    seconds = duration_seconds(text)
    return None if seconds is None or seconds == int(seconds) else "it has parts of a second; write whole seconds"


def as_go_writes(text: str) -> str:
    """A Go duration of whole seconds in the form in which Go writes it (time.Duration.String)."""
    minutes, seconds = divmod(int(duration_seconds(text) or 0), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def text(value: str) -> str | None:
    """One line that every file, argument and protocol can carry."""
    plain = value.isprintable() or all(one == "\t" or unicodedata.category(one) not in ("Cc", "Cs") for one in value)
    if plain and "\ufffd" not in value:
        return None
    return "it holds a line break or another character that cannot be printed; remove that"


def url(text: str) -> str | None:
    """An http or https URL of a server, without credentials."""
    try:
        parts = urlsplit(text)
        plain = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        plain = False
    if not plain or re.search(r"\s", text):
        return "it is no URL; write for example https://vault.example.com:8200"
    if parts.username or parts.password or parts.query or parts.fragment:
        return "it carries more than a server's address; leave out user, password, query and fragment"
    return None


def https_url(text: str) -> str | None:
    """As `url`, with TLS."""
    return url(text) or (None if text.startswith("https://") else "it must begin with https://")


def host(text: str) -> str | None:
    """A DNS name or an IP address, without port."""
    if re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", text) or _is_address(text):
        return None
    return "it is no host name; write for example orders.shop.svc.cluster.local, and the port below `port`"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def quantity(text: str) -> str | None:
    """A positive Kubernetes quantity (k8s.io/apimachinery, resource.Quantity), without exponents."""
    if amount(text):
        return None
    return "it is no quantity; write for example 10Gi, 512Mi or 500m"


def password(text: str) -> str | None:
    """A password that libpq's service file can hold: its lines end at white space."""
    if re.fullmatch(r"[!-~]{8,}", text):
        return None
    return "it must have at least 8 characters, all of them printable ASCII without spaces"


def image(text: str) -> str | None:
    """A container image reference."""
    return (
        None
        if _IMAGE.fullmatch(text)
        else "it is no image reference; write for example registry.example.com/team/cli:1.2"
    )


def stack(text: str) -> str | None:
    """A stack's name, alone or as organization/project/stack."""
    parts = text.split("/")
    if len(parts) in {1, 3} and all(re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", part) for part in parts):
        return None
    return "write the primary's stack as its name, such as site-a, or in full as organization/project/stack"

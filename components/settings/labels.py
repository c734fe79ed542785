"""Keys and values of labels: those of nodes, and those that this program may give to its own objects."""

import re
from typing import Annotated

from pydantic import Field

from components.settings import formats
from components.settings.section import checked

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LONGEST_DOMAIN = 253
# Whose labels and annotations say what an object is: Kubernetes', those of controllers that work on these objects, and
# this program's.
_RESERVED_DOMAINS = (
    "kubernetes.io",
    "k8s.io",
    "openshift.io",
    "skupper.io",
    "pulumi.com",
    "cnpg.io",
    "enterprisedb.io",
    "external-secrets.io",
    "coreos.com",
    "rhsi",
)
# What controllers write without a domain (kubernetes:pkg/apis/batch/types.go, apps/types.go; cloudnative-pg:pkg/utils).
_RESERVED_NAMES = frozenset({"controller-revision-hash", "controller-uid", "job-name", "pod-template-hash", "role"})
_KEY = (
    "Kubernetes takes a DNS name and a slash, or neither, and then 1 to 63 letters, digits, '-', '_' and '.', with a "
    "letter or digit at both ends, such as example.com/team"
)


def domain(text: str) -> bool:
    """Whether it is a DNS subdomain, which names of many objects are too."""
    return len(text) <= _LONGEST_DOMAIN and bool(_DOMAIN.fullmatch(text))


def any_key(text: str) -> str | None:
    """The key of a label of whoever's (k8s.io/apimachinery, validation.IsQualifiedName)."""
    before, slash, name = text.rpartition("/")
    if slash and not domain(before):
        return _KEY
    return None if _NAME.fullmatch(name) else _KEY


def own_key(text: str) -> str | None:
    """The key of a label or annotation that nobody else gives a meaning to."""
    before, _, name = text.rpartition("/")
    if not before and name in _RESERVED_NAMES:
        return "a controller writes it, or selects by it; choose another key, with a domain of your own before it"
    if any(before == one or before.endswith(f".{one}") for one in _RESERVED_DOMAINS):
        return "keys of this domain mean something to a controller, or to this program; choose a domain of your own"
    return any_key(text)


def value(text: str) -> str | None:
    """The value of a label (k8s.io/apimachinery, validation.IsValidLabelValue)."""
    if _NAME.fullmatch(text):
        return None
    return (
        "Kubernetes takes up to 63 letters, digits, '-', '_' and '.' here, with a letter or digit at both ends; longer "
        "texts belong into annotations"
    )


OwnKey = Annotated[str, Field(min_length=1), checked(own_key)]
NodeKey = Annotated[str, Field(min_length=1), checked(any_key)]
LabelValue = Annotated[str, checked(value)]
Labels = dict[OwnKey, LabelValue]
Annotations = dict[OwnKey, Annotated[str, checked(formats.text)]]

"""Settings of every object and pod of a site: `rhsi:labels`, `rhsi:annotations` and `rhsi:pods`."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from components.container_resources import JOB, ContainerResources, amount, exceeding, overlaid
from components.settings import formats
from components.settings.mistakes import Mistake
from components.settings.section import Count, GivenText, Name, Resources, Section, checked, section

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
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
_LONGEST_DOMAIN = 253
_KEY = (
    "Kubernetes takes a DNS name and a slash, or neither, and then 1 to 63 letters, digits, '-', '_' and '.', with a "
    "letter or digit at both ends, such as example.com/team"
)


def _any_key(text: str) -> str | None:
    """The key of a label of whoever's (k8s.io/apimachinery, validation.IsQualifiedName)."""
    domain, slash, name = text.rpartition("/")
    if slash and not (len(domain) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(domain)):
        return _KEY
    return None if _NAME.fullmatch(name) else _KEY


def _own_key(text: str) -> str | None:
    """The key of a label or annotation that nobody else gives a meaning to."""
    domain, _, name = text.rpartition("/")
    if not domain and name in _RESERVED_NAMES:
        return "a controller writes it, or selects by it; choose another key, with a domain of your own before it"
    if any(domain == one or domain.endswith(f".{one}") for one in _RESERVED_DOMAINS):
        return "keys of this domain mean something to a controller, or to this program; choose a domain of your own"
    return _any_key(text)


def _label_value(text: str) -> str | None:
    """The value of a label (k8s.io/apimachinery, validation.IsValidLabelValue)."""
    if _NAME.fullmatch(text):
        return None
    return (
        "Kubernetes takes up to 63 letters, digits, '-', '_' and '.' here, with a letter or digit at both ends; longer "
        "texts belong into rhsi:annotations"
    )


def _priority_class(text: str) -> str | None:
    """The name of a PriorityClass, a DNS subdomain."""
    if len(text) <= _LONGEST_DOMAIN and _DOMAIN.fullmatch(text):
        return None
    return "it is no name of a PriorityClass; `oc get priorityclasses` lists them"


def _proxy(text: str) -> str | None:
    """The URL of a proxy that asks for no password."""
    try:
        parts = urlsplit(text)
        secret = parts.username is not None or parts.password is not None
    except ValueError:
        secret = False
    if secret:
        return (
            "it carries a user or password, and whoever may read a Job would read it; name a proxy that asks for none"
        )
    return formats.url(text)


def _proxy_section(value: Any) -> Any:
    """A map; anything else may be a URL with a password in it, which no message may show."""
    if isinstance(value, dict | Section):
        return value
    problem = "it must be a map of httpProxy, httpsProxy and noProxy"
    raise PydanticCustomError("format", "{problem}", {"problem": problem, "shown": False})


LabelKey = Annotated[str, Field(min_length=1), checked(_own_key)]
LabelValue = Annotated[str, checked(_label_value)]
NodeKey = Annotated[str, Field(min_length=1), checked(_any_key)]
AnnotationValue = Annotated[str, checked(formats.text)]
Labels = dict[LabelKey, LabelValue]
Annotations = dict[LabelKey, AnnotationValue]


class Toleration(Section):
    """`rhsi:pods.tolerations[]`, a taint that pods bear."""

    key: Annotated[str, checked(_any_key)] = ""
    """Key of the taint; empty stands for every taint, and goes with `Exists`."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """Whether the taint's value counts."""
    value: LabelValue = ""
    """The taint's value, with `Equal`."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """Effect of the taint; empty stands for all of them."""
    toleration_seconds: Count | None = None
    """How long a pod stays after the taint came, with `NoExecute`; without it, for ever."""

    @property
    def manifest(self) -> dict[str, Any]:
        """As a pod has it: what is left out is absent."""
        found = self.model_dump(by_alias=True)
        return {key: value for key, value in found.items() if value not in ("", None)}


class Proxy(Section):
    """`rhsi:pods.proxy`, for the Jobs that speak HTTP."""

    http_proxy: Annotated[str, checked(_proxy, shown=False)] = ""
    """URL of the proxy for http (`HTTP_PROXY`), without user and password. Only the Jobs with kubectl speak HTTP, and
    only to the API server."""
    https_proxy: Annotated[str, checked(_proxy, shown=False)] = ""
    """URL of the proxy for https (`HTTPS_PROXY`), without user and password."""
    no_proxy: list[GivenText] = Field(
        default_factory=lambda: ["localhost", "127.0.0.1", ".svc", ".cluster.local", "$(KUBERNETES_SERVICE_HOST)"]
    )
    """What is reached without it (`NO_PROXY`): by default the API server and everything in the cluster."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables in both spellings: curl and Go read different ones. None without a proxy."""
        given = {"HTTP_PROXY": self.http_proxy, "HTTPS_PROXY": self.https_proxy}
        if not any(given.values()):
            return {}
        given["NO_PROXY"] = ",".join(self.no_proxy)
        found = {name: value for name, value in given.items() if value}
        return {**found, **{name.lower(): value for name, value in found.items()}}


class Pods(Section):
    """`rhsi:pods`, for the pods of Jobs and of both kinds of databases."""

    image_pull_secrets: list[Name] = Field(default_factory=list)
    """Names of existing Secrets that registries ask for, in each namespace of the site. An image of OpenShift's own
    registry needs none and gets none."""
    node_selector: dict[NodeKey, LabelValue] = Field(default_factory=dict)
    """Labels of the nodes that pods may run on."""
    tolerations: list[Toleration] = Field(default_factory=list)
    """Taints that pods bear, as in a pod."""
    priority_class_name: Annotated[str, checked(_priority_class)] = ""
    """Name of an existing PriorityClass."""
    resources: Resources = Resources()
    """Requests and limits of Jobs, by resource; what is left out is 50m and 500m of cpu, 64Mi and 256Mi of memory, 32Mi
    and 128Mi of ephemeral-storage."""
    complete_resources: bool = False
    """Whether databases, too, get a request and a limit of cpu and memory wherever their own `resources` name none, as
    a ResourceQuota demands. Turned on later, it restarts them."""
    proxy: Annotated[Proxy, BeforeValidator(_proxy_section)] = Proxy()
    """The proxy of the Jobs that speak HTTP."""
    restart_databases: bool = False
    """Whether changed labels and annotations reach the pod of a streaming database at once, which restarts it. Without
    it, a server keeps those that it was made with."""


def pods_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values."""
    pods = section(raw, "pods")
    yield from _of_resources(section(pods, "resources"))
    tolerations = pods.get("tolerations")
    for index, toleration in enumerate(tolerations if isinstance(tolerations, list) else []):
        if isinstance(toleration, dict):
            yield from _of_toleration(f"pods.tolerations.{index}", toleration)
    yield from _of_labels(raw)


def _of_resources(given: Mapping[str, Any]) -> Iterator[Mistake]:
    requests, limits = (_quantities(given, part) for part in ("requests", "limits"))
    wanted = overlaid(JOB, ContainerResources(requests=requests, limits=limits))
    for resource in exceeding(wanted):
        limit = wanted.limits[resource]
        fix = f"a Job's container may have {limit}; lower this, or raise rhsi:pods.resources.limits.{resource}"
        if resource in requests:
            yield Mistake(f"pods.resources.requests.{resource}", requests[resource], fix)
        else:
            key = f"rhsi:pods.resources.requests.{resource}"
            fix = f"a Job's container requests {wanted.requests[resource]}; raise this, or lower {key}"
            yield Mistake(f"pods.resources.limits.{resource}", limit, fix)


def _quantities(given: Mapping[str, Any], part: str) -> dict[str, str]:
    """What is a quantity; what is none is told already."""
    return {
        resource: value
        for resource, value in section(given, part).items()
        if isinstance(value, str) and amount(value) is not None
    }


def _of_toleration(path: str, given: Mapping[str, Any]) -> Iterator[Mistake]:
    """What the API server refuses (kubernetes:pkg/apis/core/validation, ValidateTolerations)."""
    exists = given.get("operator") == "Exists"
    if not given.get("key") and not exists:
        yield Mistake.of(
            f"{path}.key", given.get("key"), "name the taint's key, or set operator to Exists for all taints"
        )
    if exists and given.get("value"):
        yield Mistake.of(f"{path}.value", given["value"], "with operator Exists the value does not count; remove it")
    if given.get("tolerationSeconds") is not None and given.get("effect") != "NoExecute":
        fix = "only a taint with effect NoExecute ends pods; set effect to NoExecute, or remove this"
        yield Mistake.of(f"{path}.tolerationSeconds", given["tolerationSeconds"], fix)


def _of_labels(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """Services whose selector finds the pods of this program, since all of them have these labels."""
    labels = {f"{key}={value}" for key, value in section(raw, "labels").items()}
    for name, service in section(section(raw, "services"), "exports").items():
        selector = service.get("selector") if isinstance(service, dict) else None
        if isinstance(selector, str) and selector and labels.issuperset(selector.split(",")):
            fix = (
                "rhsi:labels gives these labels to every pod of this program, which would be the service; choose others"
            )
            yield Mistake.of(f"services.exports.{name}.selector", selector, fix)

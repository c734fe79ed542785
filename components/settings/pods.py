"""Settings of every pod of a site: `rhsi:pods`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from components.container_resources import JOB, ContainerResources, amount, exceeding, overlaid
from components.settings import formats, labels
from components.settings.labels import LabelValue, NodeKey
from components.settings.mistakes import Mistake
from components.settings.section import GivenText, Name, Resources, Section, checked, section
from components.settings.tolerations import Toleration, tolerations_mistakes


def _priority_class(text: str) -> str | None:
    """The name of a PriorityClass, a DNS subdomain."""
    if labels.domain(text):
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


class Proxy(Section):
    """`rhsi:pods.proxy`, for the Jobs that speak HTTP, except the renewal of the site's CA, which never gets it."""

    http_proxy: Annotated[str, checked(_proxy, shown=False)] = ""
    """URL of the proxy for http (`HTTP_PROXY`), without user and password. The backups of the streaming database reach
    their store through it; besides, only the Jobs with kubectl speak HTTP, and only to the API server. The renewal of
    the site's CA, which runs once, reaches it without a proxy."""
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
    """Names of existing Secrets that registries ask for, in each namespace of the site. A pod gets none if all its
    images are from OpenShift's own registry; beside an image from elsewhere, one of them must open that one too."""
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
    """The proxy of the Jobs that speak HTTP, except the renewal of the site's CA."""
    restart_databases: bool = False
    """Whether changed labels and annotations reach the pod of a streaming database at once, which restarts it. Without
    it, a server keeps those that it was made with."""


def pods_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """What only several keys together tell; works on unchecked values."""
    pods = section(raw, "pods")
    yield from _of_resources(section(pods, "resources"))
    yield from tolerations_mistakes("pods", pods)
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


def _of_labels(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """Services whose selector finds the pods of this program, since all of them have these labels."""
    own = {f"{key}={value}" for key, value in section(raw, "labels").items()}
    for name, service in section(section(raw, "services"), "exports").items():
        selector = service.get("selector") if isinstance(service, dict) else None
        if isinstance(selector, str) and selector and own.issuperset(selector.split(",")):
            fix = (
                "rhsi:labels gives these labels to every pod of this program, which would be the service; choose others"
            )
            yield Mistake.of(f"services.exports.{name}.selector", selector, fix)

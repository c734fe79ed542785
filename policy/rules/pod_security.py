"""The standard `restricted` of Kubernetes' Pod Security, version 1.34: what it refuses about a pod, and the fix.

Source: k8s.io/pod-security-admission:policy/check_*.go, tested with its own examples. Stricter in one thing: the
relaxation for pods with user namespaces (`hostUsers: false`), which a feature gate of the cluster decides, is not made.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .resource import UNKNOWN, at, items, shown

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
SECCOMP = ("RuntimeDefault", "Localhost")
SELINUX = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
)
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
PROBES = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One thing that the standard refuses: a field below the pod's metadata or spec, its value, and what to do."""

    path: str
    value: Any
    fix: str

    @property
    def said(self) -> str:
        """The end of the sentence that begins with the path."""
        return f"is {shown(self.value)}, which Pod Security's restricted refuses; {self.fix}"


def refusals(metadata: Any, spec: Mapping[str, Any]) -> Iterator[Refusal]:
    """Everything that the standard refuses about a pod. What a preview does not know is not refused."""
    context = at(spec, "securityContext")
    yield from _host(spec)
    yield from _annotations(metadata)
    yield from _volumes(spec)
    yield from _either(context, "securityContext")
    for _, sysctl in items(at(context, "sysctls")):
        name = at(sysctl, "name")
        if name is not UNKNOWN and name not in SYSCTLS:
            yield Refusal(path="securityContext.sysctls", value=name, fix="remove it")
    for field in CONTAINERS:
        for index, container in items(at(spec, field)):
            path = f"{field}[{index}]"
            yield from _either(at(container, "securityContext"), f"{path}.securityContext")
            yield from _container(container, path)
            if at(spec, "os", "name") not in ("windows", UNKNOWN):
                yield from _linux(container, path)
                yield from _inherited(container, context, path, "seccompProfile", _seccomp)
            yield from _inherited(container, context, path, "runAsNonRoot", _non_root)


def _host(spec: Mapping[str, Any]) -> Iterator[Refusal]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field) is True:
            yield Refusal(path=field, value=True, fix="remove it")


def _annotations(metadata: Any) -> Iterator[Refusal]:
    annotations = at(metadata, "annotations")
    for key, value in annotations.items() if isinstance(annotations, Mapping) else ():
        allowed = value in ("", "runtime/default") or str(value).startswith("localhost/")
        if key.startswith(APPARMOR_ANNOTATION) and value is not UNKNOWN and not allowed:
            yield Refusal(path=f'metadata.annotations["{key}"]', value=value, fix="set runtime/default or remove it")


def _volumes(spec: Mapping[str, Any]) -> Iterator[Refusal]:
    for index, volume in items(spec.get("volumes")):
        sources = [key for key in volume if key != "name"] if isinstance(volume, Mapping) else []
        if sources and not any(source in VOLUMES for source in sources):
            fix = f"use one of {', '.join(VOLUMES)}"
            yield Refusal(path=f"volumes[{index}]", value=sources[0], fix=fix)


def _either(context: Any, path: str) -> Iterator[Refusal]:
    """What neither a pod's security context nor a container's may have."""
    if at(context, "runAsUser") == 0:
        yield Refusal(path=f"{path}.runAsUser", value=0, fix="set another UID, or none where the cluster assigns one")
    if at(context, "runAsNonRoot") is False:
        yield Refusal(path=f"{path}.runAsNonRoot", value=False, fix="set true")
    seccomp = at(context, "seccompProfile", "type")
    if at(context, "seccompProfile") is not None and seccomp not in (*SECCOMP, UNKNOWN):
        yield Refusal(path=f"{path}.seccompProfile.type", value=seccomp, fix="set RuntimeDefault")
    armor = at(context, "appArmorProfile", "type")
    if at(context, "appArmorProfile") is not None and armor not in (*SECCOMP, UNKNOWN):
        yield Refusal(path=f"{path}.appArmorProfile.type", value=armor, fix="set RuntimeDefault or remove it")
    if at(context, "windowsOptions", "hostProcess") is True:
        yield Refusal(path=f"{path}.windowsOptions.hostProcess", value=True, fix="remove it")
    options = at(context, "seLinuxOptions")
    if isinstance(options, Mapping):
        if options.get("type") not in (*SELINUX, UNKNOWN):
            yield Refusal(path=f"{path}.seLinuxOptions.type", value=options["type"], fix="set container_t or remove it")
        for field in ("user", "role"):
            if options.get(field) and options[field] is not UNKNOWN:
                yield Refusal(path=f"{path}.seLinuxOptions.{field}", value=options[field], fix="remove it")


def _container(container: Any, path: str) -> Iterator[Refusal]:
    """What no container may have, on whichever system."""
    if at(container, "securityContext", "privileged") is True:
        yield Refusal(path=f"{path}.securityContext.privileged", value=True, fix="set false")
    mount = at(container, "securityContext", "procMount")
    if mount not in (None, "Default", UNKNOWN):
        yield Refusal(path=f"{path}.securityContext.procMount", value=mount, fix="remove it")
    for number, port in items(at(container, "ports")):
        host_port = at(port, "hostPort")
        if host_port and host_port is not UNKNOWN:
            yield Refusal(path=f"{path}.ports[{number}].hostPort", value=host_port, fix="remove it")
    for probe in PROBES:
        for action in ("httpGet", "tcpSocket"):
            host = at(container, *probe.split("."), action, "host")
            if host and host is not UNKNOWN:
                yield Refusal(path=f"{path}.{probe}.{action}.host", value=host, fix="remove it")


def _linux(container: Any, path: str) -> Iterator[Refusal]:
    """What a container on Linux must say."""
    here = f"{path}.securityContext"
    context = at(container, "securityContext")
    escalation = at(context, "allowPrivilegeEscalation")
    if escalation not in (False, UNKNOWN):
        yield Refusal(path=f"{here}.allowPrivilegeEscalation", value=escalation, fix="set false")
    capabilities = at(context, "capabilities")
    dropped = at(capabilities, "drop")
    if not (dropped is UNKNOWN or (isinstance(dropped, list) and ("ALL" in dropped or UNKNOWN in dropped))):
        yield Refusal(path=f"{here}.capabilities.drop", value=dropped, fix='set ["ALL"]')
    for _, added in items(at(capabilities, "add")):
        if added != "NET_BIND_SERVICE":
            yield Refusal(path=f"{here}.capabilities.add", value=added, fix="remove it")


def _inherited(
    container: Any, context: Any, path: str, field: str, is_said: Callable[[Any], bool]
) -> Iterator[Refusal]:
    """What a container must say unless the pod says it for all; a wrong value is refused where it stands."""
    own = at(container, "securityContext", field)
    if own is None and not is_said(at(context, field)):
        fix = (
            "set true, there or in securityContext"
            if field == "runAsNonRoot"
            else "set RuntimeDefault, there or for all"
        )
        leaf = field if field == "runAsNonRoot" else f"{field}.type"
        yield Refusal(path=f"{path}.securityContext.{leaf}", value=None, fix=fix)


def _non_root(value: Any) -> bool:
    return value is True or value is UNKNOWN


def _seccomp(value: Any) -> bool:
    return value is UNKNOWN or at(value, "type") in (*SECCOMP, UNKNOWN)

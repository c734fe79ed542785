"""The environment of a container, its command with `$(VAR)` filled in, and the pod's own fields.

Owns env, envFrom, valueFrom and the expansion rules (kubernetes: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables,
third_party/forked/golang/expansion). What the pod does not ask for is absent: nothing of the runner's own environment
reaches a container. Reads Secrets and ConfigMaps through a function that it is given.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from lab.kube import Manifest

Kind = Literal["Secret", "ConfigMap"]
Find = Callable[[Kind, str], Manifest | None]
"""Reads one object of the pod's namespace, None where it does not exist."""

TOOLS_FOLDER = "/lab/bin"
"""Where a container finds the tools that an image would bring along: kubectl and oc."""

PATH = f"{TOOLS_FOLDER}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class ContainerConfigError(Exception):
    """Why a container cannot be made as its pod asks; `reason` is the waiting reason a kubelet gives."""

    def __init__(self, message: str, reason: str = "CreateContainerConfigError") -> None:
        super().__init__(message)
        self.reason = reason


def expand(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the variable's value, `$$` becomes `$`; an unknown name stays as written."""

    def replacement(match: re.Match[str]) -> str:
        if match.group(0) == "$$":
            return "$"
        return variables.get(match.group(1), match.group(0))

    return _REFERENCE.sub(replacement, text)


def pod_field(pod: Manifest, path: str) -> str:
    """A field as fieldRef names it. All labels or annotations are one `key="value"` a line, sorted by key.

    Raises:
        ContainerConfigError: fieldRef knows no such field.
    """
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    if one := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(one.group(1)) or {}).get(one.group(2), ""))
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = sorted((metadata.get(path.partition(".")[2]) or {}).items())
        return "\n".join(f'{key}="{_escape(value)}"' for key, value in pairs)
    known = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        **dict.fromkeys(("status.podIP", "status.podIPs"), status.get("podIP", "")),
        **dict.fromkeys(("status.hostIP", "status.hostIPs"), status.get("hostIP", "")),
    }
    if path not in known:
        raise ContainerConfigError(f"field label not supported: {path}")
    return str(known[path])


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def data_of(kind: Kind, found: Manifest) -> dict[str, bytes]:
    """The keys of a Secret or ConfigMap with their plain bytes."""
    data: Mapping[str, str] = found.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value or "") for key, value in data.items()}
    binary: Mapping[str, str] = found.get("binaryData") or {}
    return {
        **{key: value.encode() for key, value in data.items()},
        **{key: base64.b64decode(value) for key, value in binary.items()},
    }


def _value_from(pod: Manifest, source: Manifest, find: Find) -> str | None:
    """The value that `valueFrom` names, None where an optional one is absent."""
    if "fieldRef" in source:
        return pod_field(pod, source["fieldRef"]["fieldPath"])
    kinds: tuple[tuple[str, Kind], ...] = (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap"))
    for field_name, kind in kinds:
        if field_name not in source:
            continue
        reference = source[field_name]
        name, key, optional = reference["name"], reference["key"], bool(reference.get("optional"))
        found = find(kind, name)
        if found is None and not optional:
            raise ContainerConfigError(f'{kind.lower()} "{name}" not found')
        data = data_of(kind, found or {})
        if key in data:
            return data[key].decode("utf-8", errors="replace")
        if optional:
            return None
        raise ContainerConfigError(f"couldn't find key {key} in {kind} {pod['metadata']['namespace']}/{name}")
    raise ContainerConfigError(f"valueFrom with {', '.join(sorted(source)) or 'nothing'} is not available in the lab")


def _from_whole_objects(sources: Sequence[Manifest], find: Find) -> dict[str, str]:
    """What envFrom brings: later sources win over earlier ones."""
    variables: dict[str, str] = {}
    kinds: tuple[tuple[str, Kind], ...] = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))
    for source in sources:
        for field_name, kind in kinds:
            if not (reference := source.get(field_name)):
                continue
            found = find(kind, reference["name"])
            if found is None and not reference.get("optional"):
                raise ContainerConfigError(f'{kind.lower()} "{reference["name"]}" not found')
            for key, value in data_of(kind, found or {}).items():
                variables[f"{source.get('prefix', '')}{key}"] = value.decode("utf-8", errors="replace")
    return variables


def environment(pod: Manifest, container: Manifest, find: Find, *, api_host: str, api_port: int) -> dict[str, str]:
    """What the pod asks for, and the address of its API server.

    Raises:
        ContainerConfigError: an object, key or field that the pod names is absent.
    """
    service = {
        "KUBERNETES_SERVICE_HOST": api_host,
        "KUBERNETES_SERVICE_PORT": str(api_port),
        "KUBERNETES_SERVICE_PORT_HTTPS": str(api_port),
    }
    own: dict[str, str] = {}
    try:
        whole = _from_whole_objects(container.get("envFrom") or [], find)
        for entry in container.get("env") or []:
            if source := entry.get("valueFrom"):
                value = _value_from(pod, source, find)
            else:
                # What envFrom brings is not expanded here, as in a kubelet.
                value = expand(entry.get("value") or "", {**service, **own})
            if value is not None:
                own[entry["name"]] = value
    except binascii.Error as error:
        raise ContainerConfigError(f"a Secret's data is not base64: {error}") from error
    variables = {**service, **whole, **own}
    if unusable := sorted(name for name, value in variables.items() if "\0" in value):
        raise ContainerConfigError(f"variables hold a NUL byte: {', '.join(unusable)}")
    return variables


def command_line(container: Manifest, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The command and its arguments with `$(VAR)` filled in.

    Raises:
        ContainerConfigError: there is no command; an image would know one, and the lab has no images.
    """
    if not container.get("command"):
        raise ContainerConfigError(
            f"the lab has no images, so container {container['name']!r} (image {container.get('image', '')!r}) "
            "needs an explicit command",
            reason="CreateContainerError",
        )
    return tuple(expand(part, variables) for part in [*container["command"], *(container.get("args") or [])])

"""Kubernetes objects as Pulumi states hold them, and what their annotations ask for.

The outputs of a resource are the live object plus `__inputs`, `__initialApiVersion` and `__fieldManager`. Source:
pulumi-kubernetes:provider/pkg/provider/provider.go (`checkpointObject`, `annotateSecrets`) and util.go (`pruneMap`),
provider/pkg/metadata.
"""

import base64
import binascii
import re
import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

from lab.pulumi.kubernetes.cluster import Manifest
from lab.pulumi.values import Properties, Secret, has_secret, reveal, secret

INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"

AUTONAMED = "pulumi.com/autonamed"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
WAIT_FOR = "pulumi.com/waitFor"

DEFAULT_TIMEOUT = 600.0
_READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)
# Annotations that no import takes for an input.
_NO_INPUTS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
# Of Kubernetes itself; `k8s.io` alone tells nothing, custom kinds have it too.
_OWN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkMGTPE]i?|)")
_FACTORS = {
    **{"": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal(10**3)},
    **{unit: Decimal(1000) ** (power + 2) for power, unit in enumerate("MGTPE")},
    **{f"{unit}i": Decimal(1024) ** (power + 1) for power, unit in enumerate("KMGTPE")},
}


def annotation(body: Manifest, name: str) -> str:
    """The annotation's value, or ""."""
    value = ((body.get("metadata") or {}).get("annotations") or {}).get(name)
    return value if isinstance(value, str) else ""


def timeout_of(requested: float, body: Manifest) -> float:
    """Seconds to wait: the resource option, else the annotation, else ten minutes."""
    text = annotation(body, TIMEOUT_SECONDS)
    return requested or (float(text) if text.isdigit() else 0.0) or DEFAULT_TIMEOUT


def full_name(body: Manifest) -> str:
    """`<namespace>/<name>`, or the name alone: the id of a resource."""
    metadata = body["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def split_name(id_: str) -> tuple[str, str]:
    """Namespace (or "") and name of an id."""
    namespace, _, name = id_.rpartition("/")
    return namespace, name


def kind_of_type(type_: str) -> tuple[str, str]:
    """The apiVersion and kind of a type token: `kubernetes:core/v1:Secret` is `v1`, `Secret`."""
    _, module, kind = type_.split(":")
    return module.removeprefix("core/"), kind


def new_field_manager() -> str:
    """A manager's name of its own for each object."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def checkpoint(inputs: Manifest, live: Manifest, origin: Properties, api_version: str, manager: str) -> Properties:
    """The outputs of a resource; `origin` says what was secret in the inputs."""
    outputs = mark_secrets(live, origin)
    string_data = reveal(origin.get("stringData"))
    if live.get("kind") == "Secret" and string_data and "data" in outputs:
        outputs["data"] = secret(outputs["data"])
    return {
        **outputs,
        INPUTS: mark_secrets(inputs, origin),
        INITIAL_API_VERSION: api_version,
        FIELD_MANAGER: manager,
    }


def split_checkpoint(outputs: Properties) -> tuple[Manifest, Manifest]:
    """The inputs and the live object in a resource's outputs, without secret marks."""
    plain = reveal(outputs)
    inputs = plain.pop(INPUTS, {})
    plain.pop(INITIAL_API_VERSION, None)
    plain.pop(FIELD_MANAGER, None)
    return inputs, plain


def mark_secrets(values: Manifest, origin: Properties) -> Properties:
    """A copy with the secret marks of `origin`. A Secret's data is always secret, and so is a list with a secret."""
    marked = dict(values)
    if marked.get("kind") == "Secret":
        return {k: secret(v) if k in ("data", "stringData") else v for k, v in marked.items()}
    for key, source in (origin or {}).items():
        if key not in marked:
            continue
        if isinstance(marked[key], dict) and isinstance(source, dict):
            marked[key] = mark_secrets(marked[key], source)
        elif has_secret(source):
            marked[key] = secret(marked[key])
    return marked


def without_read_only(body: Manifest) -> Manifest:
    """The object without what only the server sets."""
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in _READ_ONLY}
    return {**body, "metadata": metadata} if "metadata" in body else body


def all_inputs(live: Manifest) -> Manifest:
    """What stands for the inputs of an object that somebody else made, where it is read or imported.

    Of a custom kind, which the provider's schema does not have, no more than which object it is
    (pulumi-kubernetes:provider/pkg/provider/provider.go, Read).
    """
    metadata = without_read_only(live)["metadata"]
    if not _is_own_group(live):
        known = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
        return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": known}
    if "annotations" in metadata:
        marks = {key: value for key, value in metadata["annotations"].items() if key not in _NO_INPUTS}
        metadata = {**metadata, "annotations": marks}
    return {**{key: value for key, value in live.items() if key != "status"}, "metadata": metadata}


def live_inputs(live: Manifest, inputs: Manifest) -> Manifest:
    """The inputs as they stand in the live object: its values where the inputs have a key, nothing else.

    A value that means the same keeps the form of the input ("1000m" of a CPU comes back as "1"): only drift shows.
    """
    adopted: Manifest = _adopt(live, inputs, typed=_is_typed(inputs))
    if inputs.get("kind") == "Secret" and isinstance(inputs.get("stringData"), dict):
        data = live.get("data") or {}
        texts = {key: _decoded(data[key]) for key in inputs["stringData"] if key in data}
        adopted["stringData"] = {key: text for key, text in texts.items() if text is not None}
    return adopted


def _is_typed(body: Manifest) -> bool:
    """Whether the provider compares the object as Kubernetes' own type, in which what is empty is as good as missing.

    Of a Secret and of a custom kind it compares the inputs as they are, though the server drops empty labels there too:
    a difference for ever (pulumi-kubernetes:provider/pkg/provider/provider.go, `normalizeInputs`).
    """
    return _is_own_group(body) and body.get("kind") != "Secret"


def _is_own_group(body: Manifest) -> bool:
    return body.get("apiVersion", "").rpartition("/")[0] in _OWN_GROUPS


def _adopt(live: Any, wanted: Any, *, typed: bool) -> Any:
    if isinstance(live, dict) and isinstance(wanted, dict):
        keys = [key for key in wanted if key in live or (typed and not wanted[key])]
        return {key: _adopt(live.get(key), wanted[key], typed=typed) for key in keys}
    if isinstance(live, list) and isinstance(wanted, list):
        return [_adopt(item, want, typed=typed) for item, want in zip(live, wanted, strict=False)]
    return wanted if same_meaning(live, wanted) or (live is None and wanted in ({}, [], None)) else live


def same_meaning(live: Any, wanted: Any) -> bool:
    """Whether two leaves mean the same to Kubernetes: equal, or equal quantities."""
    if isinstance(live, Secret) or isinstance(wanted, Secret):
        return bool(live == wanted)
    if live == wanted:
        return isinstance(live, bool) == isinstance(wanted, bool)
    if isinstance(live, str) and isinstance(wanted, str | int | float) and not isinstance(wanted, bool):
        first, second = _quantity(live), _quantity(str(wanted))
        return first is not None and first == second
    return False


def _quantity(text: str) -> Decimal | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix = match.groups()
    try:
        return Decimal(number + suffix) if suffix[:1] in "eE" and suffix[1:] else Decimal(number) * _FACTORS[suffix]
    except (InvalidOperation, KeyError):
        return None


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None

"""What the operator's webhook refuses in a Cluster (upstream: internal/webhook/v1/cluster_webhook.go).

The lab has no webhook, as a cluster without the operator's one has none: then the operator itself finds the mistakes,
shows the fields in the status and writes the sentences into its log. Owns the rules that concern what the lab runs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.cnpg import parameters

LONGEST_NAME = 50


@dataclass(frozen=True)
class Refusal:
    """A field's path and what is wrong with it."""

    field: str
    reason: str


def refusals(cluster: Manifest) -> list[Refusal]:
    """What is wrong with a Cluster that carries its defaults; empty where nothing is."""
    spec = cluster["spec"]
    return [
        *_name(cluster["metadata"]["name"]),
        *_image(spec),
        *_certificates(spec.get("certificates", {})),
        *_parameters(spec),
        *_external_clusters(spec.get("externalClusters", [])),
        *_roles(spec.get("managed", {}).get("roles", [])),
        *_instances(spec),
        *_affinity(spec.get("affinity", {})),
        *_storage(spec),
    ]


def summary(found: list[Refusal]) -> str:
    """The sentence for the status, which everybody may read: fields, never their values."""
    fields = ", ".join(refusal.field for refusal in found)
    return f"the resource failed admission validation on: {fields} (see the operator logs for details)"


def major_version(image: str) -> int | None:
    """PostgreSQL's major version from an image's tag; None where the tag does not begin with one."""
    found = re.match(r"\d+", _tag(image))
    return int(found[0]) if found else None


def is_reserved(role: str) -> bool:
    """Whether a role's name belongs to PostgreSQL or to the operator."""
    return role in {"postgres", "streaming_replica"} or role.startswith(("pg_", "cnpg_"))


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _name(name: str) -> Iterator[Refusal]:
    if len(name) > LONGEST_NAME:
        yield Refusal("metadata.name", "the maximum length of a cluster name is 50 characters")
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name):
        yield Refusal("metadata.name", "cluster name must be a valid DNS label")


def _image(spec: Manifest) -> Iterator[Refusal]:
    image = spec.get("imageName")
    if not image:
        return
    if _tag(image) == "latest":
        yield Refusal("spec.imageName", "Can't use 'latest' as image tag as we can't detect upgrades")
    elif not _tag(image):
        yield Refusal("spec.imageName", "Can't use just the image sha as we can't detect upgrades")
    elif major_version(image) is None:
        yield Refusal("spec.imageName", "invalid version tag")


def _certificates(given: Manifest) -> Iterator[Refusal]:
    if given.get("serverTLSSecret") and given.get("serverAltDNSNames"):
        yield Refusal(
            "spec.certificates.serveraltdnsnames",
            "Server alternative DNS names can't be defined when server TLS secret is provided",
        )
    if given.get("serverTLSSecret") and not given.get("serverCASecret"):
        yield Refusal(
            "spec.certificates.servercasecret",
            "Server CA secret can't be empty when server TLS secret is provided",
        )
    if given.get("replicationTLSSecret") and not given.get("clientCASecret"):
        yield Refusal(
            "spec.certificates.clientcasecret",
            "Client CA secret can't be empty when client replication secret is provided",
        )


def _parameters(spec: Manifest) -> Iterator[Refusal]:
    given = spec["postgresql"]["parameters"]
    for key, value in given.items():
        chosen = parameters.DEFAULTS.get(key, "on" if key == "archive_mode" else None)
        if key in parameters.FIXED and value != chosen:
            yield Refusal(f"spec.postgresql.parameters.{key}", "Can't set fixed configuration parameter")
    if given.get("wal_level") not in {"logical", "replica", "minimal"}:
        yield Refusal(
            "spec.postgresql.parameters.wal_level", "unrecognized `wal_level` value - allowed values: `logical`"
        )


def _external_clusters(given: list[Manifest]) -> Iterator[Refusal]:
    names = [external["name"] for external in given]
    if len(set(names)) < len(names):
        yield Refusal("spec.externalClusters", "the list of external clusters contains duplicate values")
    for index, external in enumerate(given):
        path = f"spec.externalClusters[{index}]"
        if "connectionParameters" not in external and "plugin" not in external:
            yield Refusal(path, "one of connectionParameters, plugin and barmanObjectStore is required")
        parts = {f"{path}.name": external["name"]}
        for field in ("sslCert", "sslKey", "sslRootCert"):
            parts |= {f"{path}.{field}.{key}": value for key, value in external.get(field, {}).items()}
        for field, value in parts.items():
            if value in {".", ".."} or re.search(r"[/\\]", str(value)):
                yield Refusal(field, "cannot contain a path separator or a '..' component")


def _roles(given: list[Manifest]) -> Iterator[Refusal]:
    seen = set()
    for role in given:
        name = role["name"]
        if name in seen:
            yield Refusal("spec.managed.roles", "Role name is duplicate of another")
        if role.get("connectionLimit", -1) < -1:
            yield Refusal("spec.managed.roles", "Connection limit should be positive, unless defaulting to -1")
        if is_reserved(name):
            yield Refusal("spec.managed.roles", "This role is reserved for operator use")
        if role.get("passwordSecret") and role.get("disablePassword"):
            yield Refusal("spec.managed.roles", "This role both sets and disables a password")
        seen.add(name)


def _instances(spec: Manifest) -> Iterator[Refusal]:
    if spec.get("primaryUpdateStrategy") == "supervised" and spec["instances"] == 1:
        yield Refusal(
            "spec.primaryUpdateStrategy",
            "supervised update strategy is not allowed for clusters with a single instance",
        )
    synchronous = spec["postgresql"].get("synchronous")
    if synchronous:
        others = [*synchronous.get("standbyNamesPre", []), *synchronous.get("standbyNamesPost", [])]
        if synchronous["number"] >= spec["instances"] + len(others):
            yield Refusal(
                "spec.postgresql.synchronous",
                "Invalid synchronous configuration: the number of synchronous replicas must be less than the "
                "total number of instances and the provided standby names.",
            )


def _affinity(given: Manifest) -> Iterator[Refusal]:
    if given.get("podAntiAffinityType", "preferred") not in {"preferred", "required"}:
        yield Refusal(
            "spec.affinity.podAntiAffinityType",
            "pod anti-affinity type must be 'preferred' (default if empty) or 'required'",
        )
    for index, toleration in enumerate(given.get("tolerations", [])):
        path, named = f"spec.affinity.toleration[{index}]", toleration.get("operator") or "Equal"
        if not toleration.get("key") and named != "Exists":
            yield Refusal(f"{path}.operator", "operator must be Exists when `key` is empty")
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            yield Refusal(f"{path}.effect", "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if named == "Exists" and toleration.get("value"):
            yield Refusal(f"{path}.operator", "value must be empty when `operator` is 'Exists'")
        if named not in {"Equal", "Exists"}:
            yield Refusal(f"{path}.operator", "Unsupported value")
        if toleration.get("effect", "NoExecute") not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
            yield Refusal(f"{path}.effect", "Unsupported value")


def _storage(spec: Manifest) -> Iterator[Refusal]:
    size = spec.get("storage", {}).get("size", "")
    if not size:
        yield Refusal(
            "spec.storage.size", "Size not configured. Please add it, or a storage request in the pvcTemplate."
        )
    elif not re.fullmatch(r"\d+(\.\d+)?([KMGTPE]i?|k|m)?", size):
        yield Refusal("spec.storage.size", "Size value isn't valid")

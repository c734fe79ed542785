"""The kubernetes provider's own configuration, and when a change of it replaces everything.

Source: `DiffConfig` and `Configure` in pulumi-kubernetes:provider/pkg/provider/provider.go.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.pulumi.compare import differences
from lab.pulumi.kubernetes.cluster import Cluster
from lab.pulumi.provider import Diff
from lab.pulumi.values import UNKNOWN, Properties, reveal

_CLUSTER_KEYS = ("kubeconfig", "context", "cluster")
_IDENTIFIER = "clusterIdentifier"


@dataclass(frozen=True)
class Settings:
    """What the provider's arguments say; the environment (`PULUMI_K8S_...`) fills in what they leave out."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    upsert: bool = False
    force: bool = False
    secret_mutable: bool = False
    config_map_mutable: bool = False

    @classmethod
    def of(cls, inputs: Properties) -> "Settings":
        """The settings in a provider resource's inputs."""
        plain = reveal(inputs)
        return cls(
            kubeconfig=str(plain.get("kubeconfig") or ""),
            context=str(plain.get("context") or ""),
            namespace=str(plain.get("namespace") or ""),
            upsert=_flag(plain, "upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
            force=_flag(plain, "enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
            secret_mutable=_flag(plain, "enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
            config_map_mutable=_flag(plain, "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        )

    def cluster(self) -> Cluster:
        """The cluster that they name."""
        return Cluster(self.kubeconfig, self.context)


def _flag(plain: Properties, key: str, variable: str) -> bool:
    value = plain.get(key, os.environ.get(variable, ""))
    return value is True or str(value).lower() == "true"


def diff_settings(olds: Properties, news: Properties) -> Diff:
    """A new cluster replaces the provider and with it all its resources.

    With a cluster identifier that stays, nothing is replaced; with one that changes, everything is.
    """
    old, new = reveal(olds), reveal(news)
    changed = {str(path[0]): kind for path, kind in differences(old, new).items() if path[0] != "version"}
    if not changed:
        return Diff(changes=bool(differences(old, new)))
    identifier = (old.get(_IDENTIFIER), new.get(_IDENTIFIER))
    if identifier[1] and identifier[0] == identifier[1]:
        return Diff(changes=True, detailed=changed)
    replace = [_IDENTIFIER] if all(identifier) else []
    if any(new.get(key) is UNKNOWN for key in _CLUSTER_KEYS) or _active_cluster(old) != _active_cluster(new):
        replace += [key for key in _CLUSTER_KEYS if key in changed]
    return Diff(changes=True, replace=replace, detailed=changed)


def _active_cluster(settings: Properties) -> Any:
    """The cluster entry that the settings lead to, as far as they carry their kubeconfig with them."""
    source = settings.get("kubeconfig")
    if not isinstance(source, str) or not source:
        return settings.get("context"), settings.get("cluster")
    if "\n" not in source and not source.startswith("{"):
        try:
            source = Path(source).expanduser().read_text(encoding="utf-8")
        except OSError:
            return source
    config = yaml.safe_load(source)
    if not isinstance(config, dict):
        return source
    wanted = settings.get("context") or config.get("current-context")
    contexts = {item["name"]: item.get("context") or {} for item in config.get("contexts") or []}
    clusters = {item["name"]: item.get("cluster") for item in config.get("clusters") or []}
    return clusters.get(settings.get("cluster") or contexts.get(wanted, {}).get("cluster"))

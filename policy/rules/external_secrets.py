"""API versions of External Secrets. Source: its releases; 0.17 stopped to serve v1beta1."""

from collections.abc import Iterator

from .resource import UNKNOWN, Resource
from .rule import MANDATORY, Rule, Settings

GROUP = "external-secrets.io"
VERSION = f"{GROUP}/v1"
# PushSecret and the generators have other versions still.
KINDS = ("ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore")


def version(resource: Resource, _settings: Settings) -> Iterator[str]:
    """The type and the manifest have the version v1."""
    if not resource.is_kubernetes(GROUP, *KINDS):
        return
    # The type decides what the provider asks for, and a manifest may say something else.
    for found in sorted({resource.group_version, resource.at("apiVersion")} - {VERSION, None, UNKNOWN}):
        yield f"{resource}: apiVersion is {found}, which External Secrets 0.17 and newer do not serve; set {VERSION}."


RULES = (
    Rule(
        name="external-secrets-v1",
        description="Objects of External Secrets have the version v1.",
        level=MANDATORY,
        reason="External Secrets 0.17 and newer serve no v1beta1: `up` would fail with `no matches for kind`.",
        check=version,
    ),
)

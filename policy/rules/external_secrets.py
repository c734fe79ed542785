"""API versions of External Secrets. Source: its releases; 0.17 stopped to serve v1beta1."""

from collections.abc import Iterator

from .resource import Resource
from .rule import MANDATORY, Rule, Settings

GROUP = "external-secrets.io"
# PushSecret and the generators have other versions still.
KINDS = ("ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore")


def version(resource: Resource, _settings: Settings) -> Iterator[str]:
    """The type and the manifest have the version v1."""
    if not resource.is_kubernetes(GROUP, *KINDS):
        return
    written = resource.at("apiVersion")
    found = written if isinstance(written, str) else resource.group_version
    if f"{GROUP}/v1" not in (found, resource.group_version) or found != resource.group_version:
        wrong = next(one for one in (found, resource.group_version) if one != f"{GROUP}/v1")
        yield f"{resource}: apiVersion is {wrong}, which External Secrets 0.17 and newer do not serve; set {GROUP}/v1."


RULES = (
    Rule(
        name="external-secrets-v1",
        description="Objects of External Secrets have the version v1.",
        level=MANDATORY,
        reason="External Secrets 0.17 and newer serve no v1beta1: `up` would fail with `no matches for kind`.",
        check=version,
    ),
)

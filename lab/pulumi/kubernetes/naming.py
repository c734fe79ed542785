"""Names and namespaces that the program leaves out.

Source: pulumi-kubernetes:provider/pkg/metadata/naming.go, `Check` in provider/pkg/provider/provider.go.
"""

import secrets
from collections.abc import Callable
from typing import Any

from lab.pulumi import urn as urns
from lab.pulumi.kubernetes import objects
from lab.pulumi.kubernetes.cluster import Manifest
from lab.pulumi.provider import ProviderError, Request
from lab.pulumi.values import Properties, Secret, reveal, secret


def named(request: Request, default_namespace: Callable[[Manifest], str]) -> Properties:
    """The inputs with a name and a namespace. A made-up name says so in an annotation, and stays as long as the object.

    Args:
        request: what the program wants, and the inputs of the object that stays.
        default_namespace: the namespace for an object, "" if its kind has none.

    Raises:
        ProviderError: the server was to make the name, which server-side apply cannot.
    """
    inputs: Properties = objects.mark_secrets(request.news, {})
    given = inputs.get("metadata") or {}
    if not isinstance(reveal(given), dict):
        return inputs
    metadata: dict[str, Any] = dict(reveal(given)) if isinstance(given, Secret) else dict(given)
    if "name" not in metadata:
        if "generateName" in metadata:
            raise ProviderError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
        old = reveal((request.olds or {}).get("metadata") or {})
        kept = (old.get("annotations") or {}).get(objects.AUTONAMED) == "true"
        metadata["name"] = old["name"] if kept else f"{urns.name_of(request.urn)}-{secrets.token_hex(4)}"
        metadata["annotations"] = {**(metadata.get("annotations") or {}), objects.AUTONAMED: "true"}
    if not metadata.get("namespace") and (namespace := default_namespace(reveal(inputs))):
        metadata["namespace"] = namespace
    inputs["metadata"] = secret(metadata) if isinstance(given, Secret) else metadata
    return inputs

"""The lab's one way to talk to an API server: the dynamic client, by kubeconfig context.

Owns connections and the meaning of "gone" and "there already". Does not own any kind of object.
"""

import os
from typing import Any, cast

from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from lab.home import LabError

Manifest = dict[str, Any]


def api_client(context: str, kubeconfig: str | None = None, *, retries: bool = True) -> ApiClient:
    """A client for one context of a kubeconfig.

    Args:
        context: its name.
        kubeconfig: path, or paths as in `$KUBECONFIG`, whose present value is the default (the library's own default is
            the value at import time).
        retries: whether a request without an answer is sent again, three times; otherwise a dead server shows at once.

    Raises:
        LabError: the kubeconfig or the context is absent.
    """
    try:
        file = kubeconfig or os.environ.get("KUBECONFIG")
        wanted = Configuration()
        if not retries:
            wanted.retries = False
        return cast(
            "ApiClient", config.new_client_from_config(config_file=file, context=context, client_configuration=wanted)
        )
    except config.ConfigException as error:
        raise LabError(
            f"Context {context!r} cannot be read from the kubeconfig ({error}): "
            "set KUBECONFIG to a file that holds the contexts of both sites."
        ) from error


def connect(
    context: str, kubeconfig: str | None = None, *, discover: bool = True, retries: bool = True
) -> DynamicClient:
    """The dynamic client for one context: `client.resources.get(api_version=..., kind=...)` gives the kind's verbs.

    Args:
        context: its name.
        kubeconfig: as for `api_client`.
        discover: whether to ask the server at once what it serves. Without it the client has `request` only.
        retries: as for `api_client`.

    Raises:
        LabError: as `api_client`.
    """
    client = api_client(context, kubeconfig, retries=retries)
    if not discover:
        return DynamicClient(client, discoverer=lambda *_: None)
    # The library would keep what a server serves in the temporary folder by its address, which another lab had before.
    return DynamicClient(client, cache_file=f"{os.devnull}/none")


def find(
    client: DynamicClient, api_version: str, kind: str, name: str, namespace: str | None = None
) -> Manifest | None:
    """The live object as a plain dict, or None where it does not exist."""
    try:
        found = client.resources.get(api_version=api_version, kind=kind).get(name=name, namespace=namespace)
    except NotFoundError:
        return None
    return cast("Manifest", found.to_dict())

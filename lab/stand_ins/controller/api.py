"""The API verbs that a controller uses, on plain dicts.

Owns how a kind is addressed (group, version, plural) and the reading of API errors. Does not own caches (informer) or
the meaning of any object. Discovery is not needed: a controller's kinds are fixed.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import NotFoundError

from lab.kube import Manifest

UNREACHABLE = (ApiException, urllib3.exceptions.HTTPError, OSError)
"""Errors of an API server, or of the way to it, that a later attempt may cure."""

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0


@dataclass(frozen=True)
class Kind:
    """What is needed to address objects of a kind, namespaced or not."""

    api_version: str
    name: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection, an object or a subresource."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [root]
        if namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


def error_text(error: Exception) -> str:
    """The API server's own sentence, as Go clients print it (for example `secrets "x" already exists`)."""
    try:
        return str(json.loads(getattr(error, "body", ""))["message"])
    except (TypeError, ValueError, KeyError):
        # What urllib3 tells repeats the whole URL and the chain of causes.
        return str(getattr(error, "reason", "") or error)


def describe(error: Exception) -> str:
    """An UNREACHABLE error without its text: that may quote what was sent."""
    if isinstance(error, ApiException) and error.status:
        return f"the API server answers {error.status} {error.reason}"
    return f"the API server does not answer ({type(error).__name__})"


def key_of(manifest: Manifest) -> str:
    """`<namespace>/<name>`, the form in which work is queued; the namespace is empty for kinds without one."""
    return f"{manifest['metadata'].get('namespace', '')}/{manifest['metadata']['name']}"


def split_key(key: str) -> tuple[str, str]:
    """The namespace and name of a key."""
    namespace, _, name = key.partition("/")
    return namespace, name


def owned_by(kind: Kind, owner: Manifest) -> Manifest:
    """An owner reference without `controller` and `blockOwnerDeletion`, as upstream writes them."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }


class Api:
    """Verbs against one API server. Every method raises ApiException for an answer that is no success.

    `namespace` is empty or None for kinds without one. `manager` names the fields' manager in server-side apply,
    `timeouts` are the seconds that a connection and an answer may take.
    """

    def __init__(
        self, client: DynamicClient, manager: str, timeouts: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS)
    ) -> None:
        self.client = client
        self.manager = manager
        self._timeouts = timeouts

    @property
    def server(self) -> SplitResult:
        """The API server's URL."""
        return urlsplit(str(self.client.configuration.host))

    @property
    def ca(self) -> str | None:
        """The CA bundle by which the kubeconfig trusts this server, None where it relies on the system's."""
        file = self.client.configuration.ssl_ca_cert
        return Path(file).read_text() if file else None

    def _send(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float | None = None, **options: Any
    ) -> Manifest:
        timeouts = self._timeouts if timeout is None else timeout
        response = self.client.request(method, path, body=body, serialize=False, _request_timeout=timeouts, **options)
        return cast("Manifest", json.loads(response.data))

    def get(self, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        """The live object, or None where it does not exist."""
        try:
            return self._send("get", kind.path(namespace, name))
        except NotFoundError:
            return None

    def list(self, kind: Kind, namespace: str | None = None, label_selector: str | None = None) -> list[Manifest]:
        """The live objects of a namespace, or of all, that carry the labels."""
        found = self._send("get", kind.path(namespace), label_selector=label_selector)
        return cast("list[Manifest]", found["items"])

    def create(
        self,
        kind: Kind,
        namespace: str | None,
        body: Manifest,
        *,
        name: str | None = None,
        subresource: str | None = None,
    ) -> Manifest:
        """Create; an object of that name is an error (409 AlreadyExists).

        Args:
            kind: of the object.
            namespace: of the object.
            body: the object, with or without `apiVersion` and `kind`.
            name: of the object whose subresource is created.
            subresource: for example `token`; the body is then an object of another kind, and says which.
        """
        path = kind.path(namespace, name, subresource)
        return self._send("post", path, {"apiVersion": kind.api_version, "kind": kind.name, **body})

    def replace(self, kind: Kind, body: Manifest) -> Manifest:
        """Write the whole object; a stale resourceVersion is an error (409 Conflict)."""
        return self._send("put", kind.path(*split_key(key_of(body))), body)

    def replace_status(self, kind: Kind, body: Manifest) -> Manifest:
        """Write the whole status; a stale resourceVersion is an error (409 Conflict)."""
        return self._send("put", kind.path(*split_key(key_of(body)), "status"), body)

    def apply(self, kind: Kind, namespace: str | None, body: Manifest, subresource: str | None = None) -> Manifest:
        """Server-side apply: idempotent, and owner references of an earlier owner stay until garbage collection."""
        body = {"apiVersion": kind.api_version, "kind": kind.name, **body}
        path = kind.path(namespace, body["metadata"]["name"], subresource)
        return self._send("patch", path, body, content_type=APPLY, field_manager=self.manager, force_conflicts="true")

    def patch(
        self,
        kind: Kind,
        namespace: str | None,
        body: Manifest,
        subresource: str | None = None,
        *,
        form: str = MERGE,
        timeout: float | None = None,
    ) -> Manifest:
        """Merge into the object or a part of it.

        Args:
            kind: of the object.
            namespace: of the object.
            body: what to merge; its metadata names the object, and a uid or resourceVersion in it must fit.
            subresource: the part, for example `status`.
            form: MERGE replaces lists, STRATEGIC merges them by Kubernetes' own rules.
            timeout: seconds that it may take.
        """
        path = kind.path(namespace, body["metadata"]["name"], subresource)
        return self._send("patch", path, body, timeout=timeout, content_type=form, field_manager=self.manager)

    def delete(self, kind: Kind, namespace: str | None, name: str, options: Manifest | None = None) -> None:
        """Delete, with DeleteOptions if need be; an object that is gone already is a success."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None
        try:
            self._send("delete", kind.path(namespace, name), body)
        except NotFoundError:
            return

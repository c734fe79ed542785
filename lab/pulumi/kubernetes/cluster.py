"""One cluster as the provider sees it: the verbs it uses, with Kubernetes' own words for what goes wrong.

Owns the connection and discovery. Nothing is contacted before the first question.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml

from lab.pulumi import unanswered
from lab.pulumi.lazy import load
from lab.pulumi.provider import ProviderError

Manifest = dict[str, Any]

_SETUP = (
    "unable to load Kubernetes client configuration from kubeconfig file. Make sure you have: \n\n \t • set up the "
    "provider as per https://www.pulumi.com/registry/packages/kubernetes/installation-configuration/ \n\n "
)


class ApiError(Exception):
    """The API server refused; `str()` is its message, `status` the HTTP code, `causes` its details."""

    def __init__(self, status: int, message: str, details: Manifest) -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class UnansweredError(ApiError):
    """The API server did not answer; `status` is 0, the words are those of Go's HTTP client."""

    def __init__(self, message: str) -> None:
        super().__init__(0, message, {})


class NoSuchKindError(Exception):
    """The API server does not serve the kind; the words are those of Kubernetes' RESTMapper."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class UnreachableError(ProviderError):
    """There is no such cluster, or it does not answer."""


class Cluster:
    """A cluster by kubeconfig (a path or its contents, "" for `$KUBECONFIG`) and context ("" for the current one)."""

    def __init__(self, kubeconfig: str, context: str) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._lock = threading.Lock()
        self._client: Any = None
        self._reason = ""
        self._namespace = "default"
        self._kinds: dict[tuple[str, str], Any] = {}

    @property
    def default_namespace(self) -> str:
        """The namespace of the context."""
        self._connect()
        return self._namespace

    @property
    def unreachable(self) -> str:
        """Why the cluster cannot be reached, or ""; asked once."""
        try:
            self._connect()
        except UnreachableError as error:
            return str(error)
        return ""

    def _connect(self) -> Any:
        with self._lock:
            if self._reason:
                raise UnreachableError(self._reason)
            if self._client is None:
                try:
                    self._client = self._open()
                except UnreachableError as error:
                    self._reason = str(error)
                    raise
            return self._client

    def _open(self) -> Any:
        config = load("kubernetes.config")
        try:
            client, self._namespace = _load(config, self._kubeconfig, self._context)
        except (config.ConfigException, OSError, ValueError, TypeError, AttributeError) as error:
            raise UnreachableError(f"{_SETUP}{error}") from error
        try:
            with _translated("get", client):
                # A cache on disk would outlive the lab's servers, whose addresses return with other content.
                return load("kubernetes.dynamic").DynamicClient(client, cache_file=str(Path(os.devnull) / "none"))
        except ApiError as error:
            raise UnreachableError(f"unable to load schema information from the API server: {error}") from error

    def has_kind(self, api_version: str, kind: str) -> bool:
        """Whether the cluster can be reached and serves the kind."""
        try:
            self._kind(api_version, kind)
        except (NoSuchKindError, UnreachableError):
            return False
        return True

    def namespaced(self, api_version: str, kind: str) -> bool:
        """Whether objects of the kind live in namespaces; assumed of a kind that is not served.

        Raises:
            UnreachableError: the cluster does not answer.
        """
        try:
            return bool(self._kind(api_version, kind).namespaced)
        except NoSuchKindError:
            return True

    def _kind(self, api_version: str, kind: str) -> Any:
        client = self._connect()
        exceptions = load("kubernetes.dynamic.exceptions")
        with self._lock:
            if (api_version, kind) not in self._kinds:
                try:
                    with _translated("get", client):
                        found = client.resources.get(api_version=api_version, kind=kind)
                except (exceptions.ResourceNotFoundError, exceptions.ResourceNotUniqueError) as error:
                    raise NoSuchKindError(api_version, kind) from error
                self._kinds[api_version, kind] = found
            return self._kinds[api_version, kind]

    def _call(self, method: str, target: Manifest, call: Callable[[Any, str | None], Any]) -> Manifest:
        kind = self._kind(target["apiVersion"], target["kind"])
        namespace = (target["metadata"].get("namespace") or self._namespace) if kind.namespaced else None
        with _translated(method, self._connect()):
            return cast("Manifest", call(kind, namespace).to_dict())

    def get(self, target: Manifest) -> Manifest:
        """The live object; the target needs apiVersion, kind, and metadata with name and namespace."""
        return self._call(
            "get", target, lambda kind, namespace: kind.get(name=target["metadata"]["name"], namespace=namespace)
        )

    def apply(self, body: Manifest, manager: str, *, force: bool, dry_run: bool) -> Manifest:
        """Server-side apply; the object as it is, or would be, afterwards. Unknown fields are refused."""
        options = {"dry_run": "All"} if dry_run else {}
        return self._call(
            "patch",
            body,
            lambda kind, namespace: kind.server_side_apply(
                body=body,
                name=body["metadata"]["name"],
                namespace=namespace,
                field_manager=manager,
                force_conflicts="true" if force else "false",
                query_params=[("fieldValidation", "Strict")],
                **options,
            ),
        )

    def create(self, body: Manifest, manager: str, *, dry_run: bool) -> Manifest:
        """Create the object, which must not exist. Unknown fields are refused."""
        options = {"dry_run": "All"} if dry_run else {}
        return self._call(
            "post",
            body,
            lambda kind, namespace: kind.create(
                body=body,
                namespace=namespace,
                field_manager=manager,
                query_params=[("fieldValidation", "Strict")],
                **options,
            ),
        )

    def json_patch(self, target: Manifest, patch: list[Manifest]) -> Manifest:
        """Change the object by a JSON patch."""
        return self._call(
            "patch",
            target,
            lambda kind, namespace: kind.patch(
                body=patch,
                name=target["metadata"]["name"],
                namespace=namespace,
                content_type="application/json-patch+json",
            ),
        )

    def delete(self, target: Manifest, propagation: str) -> None:
        """Ask for the object's deletion."""
        self._call(
            "delete",
            target,
            lambda kind, namespace: kind.delete(
                name=target["metadata"]["name"],
                namespace=namespace,
                body={"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation},
            ),
        )

    def list(self, api_version: str, kind: str, namespace: str | None) -> tuple[list[Manifest], str]:
        """All objects of a kind in a namespace (None for a kind without), and the version to watch from."""
        target = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace}}
        found = self._call("get", target, lambda resource, where: resource.get(namespace=where))
        for item in found["items"]:
            item.setdefault("apiVersion", api_version)
            item.setdefault("kind", kind)
        return found["items"], found["metadata"]["resourceVersion"]

    def watch(
        self, api_version: str, kind: str, namespace: str | None, version: str, seconds: int
    ) -> Iterator[tuple[str, Manifest]]:
        """Events (ADDED, MODIFIED, DELETED and the object) of a kind in a namespace, for so many seconds."""
        resource = self._kind(api_version, kind)
        where = (namespace or self._namespace) if resource.namespaced else None
        with _translated("get", self._connect()):
            for event in resource.watch(namespace=where, resource_version=version, timeout=seconds):
                yield event["type"], event["raw_object"]


@contextmanager
def _translated(method: str, client: Any) -> Iterator[None]:
    """Turn the client's errors into ours, which carry the server's own sentence, or Go's if there is none."""
    refused, silent = load("kubernetes.client.exceptions").ApiException, load("urllib3.exceptions").HTTPError
    try:
        yield
    except refused as error:
        try:
            status = json.loads(error.body or "{}")
        except ValueError:
            status = {}
        message = status.get("message") or f"{error.status} {error.reason}"
        raise ApiError(int(error.status or 0), message, status.get("details") or {}) from error
    except silent as error:
        # Only the error of a connection that was never made knows its path.
        url = client.configuration.host + (getattr(error, "url", None) or "")
        raise UnansweredError(unanswered.sentence(method, url, error)) from error


def _load(config: Any, kubeconfig: str, context: str) -> tuple[Any, str]:
    """A client and the namespace of its context."""
    options = {"context": context or None}
    source = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    if "\n" not in source and source[:1] != "{":
        source = str(Path(source).expanduser()) if os.pathsep not in source else source
        contexts, current = config.list_kube_config_contexts(config_file=source)
        _require(contexts, context)
        client = config.new_client_from_config(config_file=source, persist_config=False, **options)
    else:
        document = yaml.safe_load(source)
        contexts = document.get("contexts") or []
        current = next((item for item in contexts if item["name"] == document.get("current-context")), None)
        _require(contexts, context)
        client = config.new_client_from_config_dict(document, persist_config=False, **options)
    chosen = next((item for item in contexts if item["name"] == context), current)
    return client, ((chosen or {}).get("context") or {}).get("namespace") or "default"


def _require(contexts: list[Manifest], context: str) -> None:
    if context and all(item["name"] != context for item in contexts):
        raise ValueError(f'context "{context}" does not exist')

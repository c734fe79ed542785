"""One cluster by its kubeconfig context, for looking: the paths of its API, and what may be done there.

Owns connections, deadlines and the sentences about a cluster that does not answer. Requests are plain paths of the
Kubernetes API, so that nothing is discovered or kept on disk. There is no default context, and no way to change
anything: the one POST is SelfSubjectAccessReview, which leaves nothing behind.
"""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlencode

from kubernetes import config
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from components.settings.kubeconfig import contexts

Manifest = dict[str, Any]

SECONDS = 5.0
"""For one request, connection included."""

CONNECTIONS = 8
"""Requests at once."""


# What the library puts before the reason.
_CONNECTION = re.compile(r"^\w*Connection(Pool)?\([^)]*\): ")


class ClusterError(Exception):
    """A request without a usable answer, in one sentence that begins with the context.

    `refused` says that the server knows this login, and that it may not do it; `no_login` that there are no
    credentials, or none that the server takes.
    """

    def __init__(self, sentence: str, *, refused: bool = False, no_login: bool = False) -> None:
        super().__init__(sentence)
        self.refused, self.no_login = refused, no_login


@dataclass(frozen=True, kw_only=True)
class Right:
    """One verb of a login, as SelfSubjectAccessReview takes it; `path` is for what is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""

    def __str__(self) -> str:
        """As `oc auth can-i` takes it."""
        if self.path:
            return f"{self.verb} {self.path}"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        words = [self.verb, f"{kind}/{self.name}" if self.name else kind]
        if self.subresource:
            words.append(f"--subresource={self.subresource}")
        return " ".join([*words, f"-n {self.namespace}" if self.namespace else "-A"])


@dataclass(frozen=True)
class ClockReading:
    """When a server said that it is, and when this machine thought so: both in seconds since 1970.

    The server's time is in whole seconds; this machine's is the middle of the request.
    """

    server: float
    here: float

    @property
    def ahead(self) -> float:
        """By how many seconds the server's clock is ahead of this machine's, to within a second."""
        # An HTTP date is cut to whole seconds, so on average half of one is missing.
        return self.server + 0.5 - self.here


class Cluster:
    """The API server of one context. Threads may share it."""

    def __init__(self, context: str, kubeconfig: str = "", *, seconds: float = SECONDS) -> None:
        """Read the kubeconfig; nothing is sent.

        Args:
            context: its name in the kubeconfig.
            kubeconfig: path, or paths as in `$KUBECONFIG`, whose value is the default.
            seconds: for each request.

        Raises:
            ClusterError: the kubeconfig or the context is absent.
        """
        self.context = context
        self.clock: ClockReading | None = None
        self._seconds = seconds
        self._lock = threading.Lock()
        self._connected: ApiClient | None = None
        self._kubeconfig = kubeconfig or os.environ.get("KUBECONFIG", "")
        known = contexts({**os.environ, "KUBECONFIG": self._kubeconfig})
        if known is None:
            raise ClusterError(f"Context {context}: there is no kubeconfig, or none that can be read.")
        if context not in known:
            raise ClusterError(f"Context {context}: the kubeconfig has {', '.join(known) or 'no context'}.")

    def get(self, path: str, **query: str) -> Manifest | None:
        """The answer at a path of the API, such as `/api/v1/namespaces/rhsi`; None where there is none (404).

        Raises:
            ClusterError: no answer, or another one than an object.
        """
        parameters = f"?{urlencode(query)}" if query else ""
        return self._request("GET", path + parameters)

    def items(self, path: str, **query: str) -> list[Manifest]:
        """The objects of a list; none where the server does not serve the kind.

        Raises:
            ClusterError: as `get`.
        """
        found = self.get(path, **query)
        return list((found or {}).get("items") or [])

    def object(self, api_version: str, plural: str, name: str, namespace: str = "") -> Manifest | None:
        """One object, or None.

        Raises:
            ClusterError: as `get`.
        """
        return self.get(f"{collection(api_version, plural, namespace)}/{name}")

    def objects(self, api_version: str, plural: str, namespace: str = "", **query: str) -> list[Manifest]:
        """All objects of a kind, in a namespace or in all of them.

        Raises:
            ClusterError: as `get`.
        """
        return self.items(collection(api_version, plural, namespace), **query)

    def metadata(self, api_version: str, plural: str, namespace: str = "") -> list[Manifest]:
        """The metadata of all objects of a kind, without spec and data; an annotation may repeat these.

        Raises:
            ClusterError: as `get`.
        """
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        listed = self._request("GET", collection(api_version, plural, namespace), accept=accept) or {}
        return [one["metadata"] for one in listed.get("items") or []]

    def served(self, api_version: str) -> dict[str, str]:
        """The kinds that the server has under an apiVersion, each with its plural; empty where it has none of it.

        Raises:
            ClusterError: as `get`.
        """
        listed = (self.get(group_path(api_version)) or {}).get("resources") or []
        return {str(one["kind"]): str(one["name"]) for one in listed if "/" not in one["name"]}

    def may(self, right: Right) -> bool:
        """Whether this login has a right.

        Raises:
            ClusterError: as `get`.
        """
        spec: Manifest
        if right.path:
            spec = {"nonResourceAttributes": {"verb": right.verb, "path": right.path}}
        else:
            wanted = {
                "verb": right.verb,
                "group": right.group,
                "resource": right.resource,
                "subresource": right.subresource,
                "name": right.name,
                "namespace": right.namespace,
            }
            spec = {"resourceAttributes": {key: value for key, value in wanted.items() if value or key == "group"}}
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        answer = self._request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return bool(((answer or {}).get("status") or {}).get("allowed"))

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, accept: str = "application/json"
    ) -> Manifest | None:
        try:
            client = self.client()
            headers = {"Accept": accept, "Content-Type": "application/json"}
            client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            sent = time.time()
            answer = client.call_api(
                method, client.configuration.host + path, headers, body, _request_timeout=self._seconds
            )
            data = answer.read()
        except (ApiException, HTTPError, OSError, config.ConfigException) as error:
            raise ClusterError(f"Context {self.context} does not answer: {_words(error)}.") from error
        self._read_clock(answer.headers, sent)
        return self._decoded(answer.status, data, f"{method} {path}")

    def _decoded(self, status: int, data: bytes, what: str) -> Manifest | None:
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        message = str(found.get("message") or "") if isinstance(found, dict) else ""
        if status == 404:
            return None
        if status == 401:
            reason = f"{message or 'Unauthorized'}, so the credentials are expired or wrong"
            raise ClusterError(f"Context {self.context} refuses this login: {reason}.", no_login=True)
        if status == 403:
            raise ClusterError(f"Context {self.context} refuses {what}: {message or 'forbidden'}.", refused=True)
        if status >= 400 or not isinstance(found, dict):
            raise ClusterError(f"Context {self.context} answers {what} with {status}: {message or 'no JSON'}.")
        return cast("Manifest", found)

    def _read_clock(self, headers: Mapping[str, str] | None, sent: float) -> None:
        try:
            server = parsedate_to_datetime(str((headers or {}).get("Date", ""))).timestamp()
        except ValueError:
            return
        self.clock = ClockReading(server, (sent + time.time()) / 2)

    def client(self) -> ApiClient:
        """Made by the first request: the kubeconfig may name a program that fetches credentials, which takes time.

        Public for what is no request of the API: a command in a pod (ops/status/inside.py).

        Raises:
            ClusterError: that program gave none.
        """
        with self._lock:
            if self._connected is None:
                wanted = Configuration()
                wanted.retries = False
                wanted.connection_pool_maxsize = CONNECTIONS
                with _complaints() as said:
                    connected = config.new_client_from_config(
                        config_file=self._kubeconfig or None,
                        context=self.context,
                        client_configuration=wanted,
                        persist_config=False,
                    )
                if said:
                    reason = " ".join(said[0].split()).rstrip(".")
                    raise ClusterError(f"Context {self.context} has no login: {reason}.", no_login=True)
                self._connected = connected
            return self._connected


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What the library logs in this thread: it goes on without credentials where their program fails.

    Source: kubernetes-client/python:kubernetes/base/config/kube_config.py, _load_from_exec_plugin.
    """
    said: list[str] = []
    here = threading.get_ident()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here and record.levelno >= logging.ERROR:
                said.append(record.getMessage())

    handler = Handler()
    logging.getLogger().addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(handler)


def group_path(api_version: str) -> str:
    """The path of an apiVersion."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def collection(api_version: str, plural: str, namespace: str = "") -> str:
    """The path of all objects of a kind, in a namespace or in all."""
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{group_path(api_version)}{within}/{plural}"


def _words(error: Exception) -> str:
    """What went wrong, on one line: the innermost reason that the client libraries wrap."""
    reason = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split()).rstrip(".")
    return _CONNECTION.sub("", text) or type(error).__name__

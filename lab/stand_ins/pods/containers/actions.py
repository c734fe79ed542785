"""What a kubelet does to a running container: a command inside it, a connection, a request. For probes and hooks.

Owns when an action counts as success and the words of its failure (kubernetes: pkg/probe). Decides nothing about the
container. No gRPC.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.kube import Manifest
from lab.stand_ins.pods.containers.variables import ContainerConfigError
from lab.stand_ins.pods.walls.launching import Finished, StartError

KINDS = frozenset({"exec", "tcpSocket", "httpGet", "sleep"})
_FIRST_SUCCESS, _AFTER_SUCCESS = 200, 400

Inside = Callable[[Sequence[str], float], Finished]
"""Runs a command inside the container, for so many seconds at most."""


@dataclass(frozen=True)
class Outcome:
    """Whether it succeeded, and what a person would want to read if not."""

    ok: bool
    said: str = ""


def check(container: Manifest) -> None:
    """Refuse what the lab could only pretend to do.

    Raises:
        ContainerConfigError: a probe or hook is of a kind that is not available.
    """
    hooks = container.get("lifecycle") or {}
    wanted = {f"{kind}Probe": container.get(f"{kind}Probe") for kind in ("startup", "readiness", "liveness")}
    for name, action in {**wanted, "preStop": hooks.get("preStop")}.items():
        if action and not KINDS & set(action):
            raise ContainerConfigError(f"{name}: the lab has {', '.join(sorted(KINDS))} only")
    if hooks.get("postStart"):
        raise ContainerConfigError("postStart hooks are not available in the lab")


def perform(action: Manifest, *, container: Manifest, address: str, inside: Inside, timeout: float) -> Outcome:
    """Do it and wait for its end, for so many seconds at most. `address` is the pod's."""
    try:
        if part := action.get("exec"):
            return _run(part["command"], inside, timeout)
        if part := action.get("tcpSocket"):
            with socket.create_connection((part.get("host") or address, _port(part, container)), timeout):
                return Outcome(ok=True)
        if part := action.get("httpGet"):
            return _get(part, part.get("host") or address, _port(part, container), timeout)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Outcome(ok=False, said=str(error) or type(error).__name__)
    time.sleep(min(float(action["sleep"]["seconds"]), timeout))
    return Outcome(ok=True)


def _run(argv: Sequence[str], inside: Inside, timeout: float) -> Outcome:
    try:
        finished = inside(argv, timeout)
    except StartError as error:
        return Outcome(ok=False, said=str(error))
    if finished.code is None:
        return Outcome(ok=False, said=f"command timed out after {timeout:g}s: {' '.join(argv)}")
    return Outcome(finished.code == 0, finished.output.strip() or f"command ended with {finished.code}")


def _port(part: Manifest, container: Manifest) -> int:
    """A port by its number or by its name in the container."""
    port = str(part["port"])
    named = {one["name"]: str(one["containerPort"]) for one in container.get("ports") or [] if one.get("name")}
    if not named.get(port, port).isdigit():
        raise OSError(f"the container has no port of the name {port!r}")
    return int(named.get(port, port))


def _get(part: Manifest, host: str, port: int, timeout: float) -> Outcome:
    if part.get("scheme") == "HTTPS":
        # Not verified, as by a kubelet: it has no authority of the pod's to verify by, and sends nothing secret.
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host,
            port,
            timeout=timeout,
            context=ssl._create_unverified_context(),  # noqa: S323
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    headers = {one["name"]: one["value"] for one in part.get("httpHeaders") or []}
    try:
        connection.request("GET", part.get("path") or "/", headers=headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    return Outcome(_FIRST_SUCCESS <= status < _AFTER_SUCCESS, f"HTTP probe failed with statuscode: {status}")

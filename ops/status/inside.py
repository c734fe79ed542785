"""What can be seen within a pod: the end of a container's log, and what a command there prints, as `kubectl exec`.

Owns the client's stream and the meaning of its errors. The only command that a look runs is `psql` (server.py).
"""

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from urllib.parse import urlencode

from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from kubernetes.stream.ws_client import ERROR_CHANNEL, websocket_call
from urllib3.exceptions import HTTPError
from websocket import WebSocketException

from ops.clusters import SECONDS, Cluster, ClusterError

LONGEST = 200
"""How much of a line is worth showing."""

OK, FORBIDDEN = 200, 403
LOST = "the connection to its pod broke off"
_HANDSHAKE = re.compile(r"Handshake status (\d+) ")
_MESSAGE = re.compile(r'"message":\s*("(?:[^"\\]|\\.)*")')


class CommandError(Exception):
    """A command could not be run in a pod, or gave no answer; the text says why. `denied`: for want of a right."""

    def __init__(self, sentence: str, *, denied: bool = False) -> None:
        super().__init__(sentence)
        self.denied = denied


@dataclass(frozen=True)
class Finished:
    """What a command came to."""

    code: int
    output: str
    errors: str


def log(cluster: Cluster, namespace: str, pod: str, container: str, lines: int) -> str:
    """The end of what a container has printed; empty where it cannot be had."""
    path = _path(namespace, pod, "log") + f"?{urlencode({'container': container, 'tailLines': lines})}"
    try:
        client = cluster.client()
        url = client.configuration.host + path
        answer = client.call_api("GET", url, _headers(client, path), _request_timeout=SECONDS)
        text = answer.read()
    except (ApiException, HTTPError, OSError, ConfigException, ClusterError):
        return ""
    return str(text.decode(errors="replace")) if answer.status == OK else ""


def last_line(text: str) -> str:
    """The last line that says anything, shortened."""
    return next((line.strip()[:LONGEST] for line in reversed(text.splitlines()) if line.strip()), "")


def run(
    cluster: Cluster, namespace: str, pod: str, container: str, argv: Sequence[str], *, seconds: float = SECONDS
) -> Finished:
    """Run a command in a container, without input.

    Raises:
        CommandError: the login may not, the container does not run, or nothing has come within the time.
    """
    # The client has no deadline for its handshake, and a server that is stopped would hold the command for ever.
    answers: SimpleQueue[Finished | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_exec(cluster, namespace, pod, container, argv, seconds=seconds))
        except Exception as error:
            # Raised where the answer is waited for.
            answers.put(error)

    threading.Thread(target=ask, name=f"exec {pod}", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty as error:
        raise _silent(seconds) from error
    if isinstance(answer, ApiException):
        raise refusal(answer, cluster.context, namespace, pod) from answer
    if isinstance(answer, HTTPError | OSError | ConfigException):
        raise CommandError(f"the API server does not answer ({type(answer).__name__})") from answer
    if isinstance(answer, WebSocketException):
        raise CommandError(LOST) from answer
    if isinstance(answer, ClusterError):
        raise CommandError(str(answer).rstrip(".")) from answer
    if isinstance(answer, Exception):
        raise answer
    return answer


def _exec(
    cluster: Cluster, namespace: str, pod: str, container: str, argv: Sequence[str], *, seconds: float
) -> Finished:
    query = [("container", container), *(("command", word) for word in argv), ("stdout", "true"), ("stderr", "true")]
    client, path = cluster.client(), _path(namespace, pod, "exec")
    # What `kubernetes.stream.stream` comes to, which would need a client of its own for each thread, and half a second
    # for the models of every kind.
    answer = websocket_call(
        client.configuration,
        "GET",
        client.configuration.host + path,
        query_params=query,
        headers=_headers(client, path),
        _preload_content=False,
    )
    try:
        answer.run_forever(timeout=seconds)
        if answer.is_open():
            raise _silent(seconds)
        return finished(answer.read_channel(ERROR_CHANNEL), answer.read_stdout(), answer.read_stderr())
    finally:
        answer.close()


def finished(status: str, output: str, errors: str) -> Finished:
    """What the stream's last word comes to, a `Status`; the client's own reading of it knows exit codes only.

    Raises:
        CommandError: the command did not begin, as without such a program in the image, or the stream broke off.
    """
    try:
        last = json.loads(status)
    except ValueError as error:
        raise CommandError(LOST) from error
    if last.get("status") == "Success":
        return Finished(0, output, errors)
    for cause in (last.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return Finished(int(cause["message"]), output, errors)
    raise CommandError(" ".join(str(last.get("message") or LOST).split())[:LONGEST])


def _headers(client: ApiClient, path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    client.update_params_for_auth(found, [], ["BearerToken"], path, "GET", None)
    return found


def _path(namespace: str, pod: str, subresource: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/{subresource}"


def _silent(seconds: float) -> CommandError:
    return CommandError(f"nothing came back within {seconds:g} s")


def refusal(error: ApiException, context: str, namespace: str, pod: str) -> CommandError:
    """What the answer to the handshake comes to; the client's own text quotes every header."""
    said = str(error.reason)
    status = _HANDSHAKE.search(said)
    if status is None:
        return CommandError("the API server does not answer")
    if int(status[1]) == FORBIDDEN:
        # The verb is that of the handshake, GET; newer API servers ask for create as well.
        right = f"get and create on pods/exec in namespace {namespace} of context {context}"
        return CommandError(f"this login may not run psql in {pod}: it needs {right}", denied=True)
    message = _MESSAGE.search(said)
    return CommandError(json.loads(message[1]) if message else f"the API server answers {status[1]}")

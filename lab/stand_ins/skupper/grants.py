"""AccessGrants: their life cycle, and the redemption of what they grant.

Owns code, URL, CA, expiry and the count of redemptions. Does not own the HTTP server (grant_server) or the certificates
and Links that a redemption yields (issuing). Source: upstream internal/kube/grants/grants.go. A grant says nothing when
it expires or is used up; only its redeemer is told.
"""

import re
import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import durationpy
import urllib3.exceptions
from kubernetes.client.exceptions import ApiException

from lab.kube import Manifest
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.cluster import Cluster

# The CRD's text and the documentation say 15 minutes; the controller's code says 10 (grants.go:239).
DEFAULT_WINDOW = timedelta(minutes=10)
# Go's time.ParseDuration reads these only; durationpy reads days, years and spaces between the parts as well.
GO_DURATION = re.compile(r"[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)")
EDGE_ERROR = "Edge sites cannot accept incoming links from remote sites"


@dataclass(frozen=True)
class Answer:
    """What the grant server answers: an HTTP status and a text, which is an error's unless the status is 200."""

    status: int
    text: str


@dataclass(frozen=True)
class Server:
    """What grants say about the grant server. Both are empty until it is known."""

    base_url: str = ""
    ca: str = ""


class IssuingError(Exception):
    """A redemption was counted, but nothing could be issued for it; the text is upstream's."""


def random_code() -> str:
    """24 letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))


def rfc3339(moment: datetime) -> str:
    """To the second, with `Z` for UTC, as Go prints it."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_window(text: str) -> timedelta:
    """The length of an `expirationWindow`, for example `1h30m`.

    The API server checks less: `format: duration` of a CRD lets `1 day` pass, which upstream's controller refuses.

    Raises:
        ValueError: Go's time.ParseDuration refuses it.
    """
    if not GO_DURATION.fullmatch(text):
        raise ValueError(f'time: invalid duration "{text}"')
    found: timedelta = durationpy.from_str(text)
    return found


def advertise(grant: Manifest, server: Server) -> bool:
    """Set url and ca, in place. True if one of them changed; neither Resolved nor Ready is touched."""
    url = f"{server.base_url}/{grant['metadata']['uid']}" if server.base_url else ""
    status = grant.setdefault("status", {})
    changed = conditions.set_or_omit(status, "url", url)
    return conditions.set_or_omit(status, "ca", server.ca) or changed


def set_resolved(grant: Manifest) -> bool:
    """Resolved is True only with url and ca both set."""
    status = grant["status"]
    state = conditions.READY if status.get("url") and status.get("ca") else conditions.pending()
    return conditions.update(grant, "Resolved", state)


def process(grant: Manifest, server: Server, now: datetime, *, edge: bool) -> bool:
    """Bring a grant's status up to date, in place; what is filled already stays. True if it must be written.

    Args:
        grant: with redemptionsAllowed >= 1 (see Grants.check).
        server: what is known of the grant server.
        now: with a time zone.
        edge: whether a Ready edge Site is in the namespace.
    """
    spec = grant.get("spec", {})
    problems = [EDGE_ERROR] if edge else []
    changed = advertise(grant, server)
    status = grant["status"]
    if not status.get("code"):
        status["code"] = spec.get("code") or random_code()
    if not status.get("expirationTime"):
        window = spec.get("expirationWindow", "")
        try:
            duration = parse_window(window) if window else DEFAULT_WINDOW
            status["expirationTime"] = rfc3339(now + duration)
            changed = True
        except (ValueError, OverflowError) as error:
            problems.append(f'Invalid duration "{window}": {error}')
    changed = conditions.update(grant, "Processed", conditions.error_or_ready(", ".join(problems))) or changed
    return set_resolved(grant) or changed


def refusal(grant: Manifest | None, body: bytes, now: datetime) -> Answer | None:
    """Why a redemption is refused, in upstream's order (grants.go:277-310), or None."""
    if grant is None:
        return Answer(404, "No such claim")
    status = grant.get("status", {})
    try:
        expiry = datetime.fromisoformat(status.get("expirationTime", ""))
    except ValueError:
        return Answer(500, "Corrupted claim")
    if expiry < now:
        return Answer(404, "No such claim")
    if grant["spec"]["redemptionsAllowed"] <= status.get("redemptions", 0):
        return Answer(404, "No such access granted")
    # The whole body, byte by byte: a code with a newline behind it is another code.
    if not secrets.compare_digest(status["code"].encode(), body):
        return Answer(403, "Redemption of access token refused")
    return None


class Grants:
    """The handler of AccessGrants in one cluster. Safe to be asked by the threads of the HTTP server."""

    def __init__(self, cluster: Cluster, issue: Callable[[str, str, str], str]) -> None:
        """`issue(namespace, name, subject)` gives the body of a successful answer, or raises IssuingError."""
        self._cluster = cluster
        self._issue = issue
        self._lock = threading.RLock()
        self._server = Server()
        self._grants: dict[str, Manifest] = {}
        self._uids: dict[str, str] = {}

    def check(self, key: str) -> None:
        """Handle the event of a grant."""
        with self._lock:
            grant = self._cluster.get(api.GRANT, *api.split_key(key))
            if grant is None:
                self._grants.pop(self._uids.pop(key, ""), None)
                return
            if not grant.setdefault("spec", {}).get("redemptionsAllowed"):
                # Upstream writes the default into the spec and leaves the rest to the event that follows.
                grant["spec"]["redemptionsAllowed"] = 1
                self._cluster.update(api.GRANT, grant)
                return
            self._record(key, grant)
            if process(grant, self._server, datetime.now().astimezone(), edge=self._edge(grant)):
                self._write(grant)

    def _record(self, key: str, grant: Manifest) -> None:
        uid = grant["metadata"]["uid"]
        known = self._uids.get(key)
        if known and known != uid:
            self._grants.pop(known, None)
        self._uids[key] = uid
        self._grants[uid] = grant

    def _write(self, grant: Manifest) -> None:
        self._grants[grant["metadata"]["uid"]] = self._cluster.update_status(api.GRANT, grant)

    def _edge(self, grant: Manifest) -> bool:
        sites = self._cluster.items(api.SITE, grant["metadata"]["namespace"])
        return any(conditions.is_true(site, "Ready") and site.get("spec", {}).get("edge") for site in sites)

    def serve_at(self, *, base_url: str | None = None, ca: str | None = None) -> None:
        """Tell all grants where the grant server is, or which CA it has. Unknown parts stay as they are."""
        with self._lock:
            known = self._server
            server = Server(known.base_url if base_url is None else base_url, known.ca if ca is None else ca)
            if server == known:
                return
            self._server = server
            for grant in list(self._grants.values()):
                if advertise(grant, server):
                    set_resolved(grant)
                    try:
                        self._write(grant)
                    except ApiException as error:
                        # Upstream logs it too; the grant's next event writes it.
                        self._cluster.log.info("grant %s: %s", api.key_of(grant), api.error_text(error))

    @property
    def server(self) -> Server:
        """What grants say about the grant server at present."""
        return self._server

    def redeem(self, uid: str, body: bytes, name: str, subject: str) -> Answer:
        """Judge a redemption, count it, and issue what was asked for.

        Args:
            uid: the last part of the URL.
            body: the code, as received.
            name: of the wanted Secret and Link; the grant's name if empty.
            subject: of the certificate; the name if empty.
        """
        with self._lock:
            grant = self._grants.get(uid)
            refused = refusal(grant, body, datetime.now().astimezone())
            if refused or grant is None:
                self._cluster.log.info("redemption refused: %s", refused.text if refused else "No such claim")
                return refused or Answer(404, "No such claim")
            status = grant["status"]
            status["redemptions"] = status.get("redemptions", 0) + 1
            try:
                self._write(grant)
            except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
                # The count in memory is already up, as upstream's.
                self._cluster.log.warning(
                    "grant %s: redemption not recorded: %s", api.key_of(grant), type(error).__name__
                )
                return Answer(503, "Internal error")
        namespace, grant_name = api.split_key(api.key_of(grant))
        name = name or grant_name
        try:
            issued = self._issue(namespace, name, subject or name)
        except IssuingError as error:
            self._cluster.log.warning("grant %s/%s: %s; the redemption is counted", namespace, grant_name, error)
            return Answer(500, str(error))
        self._cluster.log.info("grant %s/%s redeemed for %s", namespace, grant_name, name)
        return Answer(200, issued)

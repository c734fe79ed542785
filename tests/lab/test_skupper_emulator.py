"""The Skupper emulator on real API servers: the life of tokens, links, sites and services.

Runs its own controllers beside the lab's, with a short resync. A ConfigMap `skupper` in each namespace says whose the
namespace is, exactly as with two real controllers in one cluster.
"""

import base64
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.dynamic.exceptions import UnprocessibleEntityError

from lab.controller.informer import Informer
from lab.home import CHECKOUT
from lab.kube import Manifest, connect
from lab.skupper import api, conditions
from lab.skupper.api import Api, Kind
from lab.skupper.controller import NAMESPACE
from tests.lab import waiting

pytestmark = pytest.mark.lab

RESYNC = 2.0


def eventually(check: Callable[[], object], seconds: float = 15) -> None:
    """Wait for what the emulator is to do."""
    waiting.eventually(check, seconds, KeyError, TypeError)


class Emulator:
    """A process of `python -m lab.skupper` that handles only the namespaces assigned to it."""

    def __init__(self, kubeconfig: Path, contexts: tuple[str, ...], namespace: str, folder: Path) -> None:
        self.namespace = namespace
        self._ready_file = folder / "ready"
        self._log = folder / "log"
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self._command = [sys.executable, "-m", "lab.skupper", f"--namespace={namespace}", f"--resync={RESYNC}"]
        self._command += ["--require-explicit-control", "--link-configured-delay=0.2"]
        self._command += [f"--ready-file={self._ready_file}", *(f"--context={context}" for context in contexts)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._ready_file.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=CHECKOUT, env=self._environment, stderr=log)

        def ready() -> None:
            assert self._process is not None
            assert self._process.poll() is None, self._log.read_text()
            assert self._ready_file.exists(), self._log.read_text()

        eventually(ready, 60)

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=4)
        finally:
            self._process.kill()

    def log(self) -> str:
        return self._log.read_text()


@dataclass
class Place:
    """A namespace of one cluster, handled by the emulator under test."""

    api: Api
    namespace: str

    def create(self, kind: Kind, name: str, spec: Manifest) -> Manifest:
        return self.api.create(kind, self.namespace, {"metadata": {"name": name}, "spec": spec})

    def get(self, kind: Kind, name: str) -> Manifest:
        found = self.api.get(kind, self.namespace, name)
        assert found is not None, f"{kind.name} {name} is absent"
        return found

    def gone(self, kind: Kind, name: str) -> None:
        assert self.api.get(kind, self.namespace, name) is None

    def delete(self, kind: Kind, name: str) -> None:
        self.api.delete(kind, self.namespace, name)

    def wait(self, kind: Kind, name: str, condition: str = "Ready", status: str = "True") -> Manifest:
        def check() -> None:
            found = self.get(kind, name)
            state = conditions.find(found, condition)
            assert state is not None, found
            assert state["status"] == status, found

        eventually(check)
        return self.get(kind, name)

    def wait_status(self, kind: Kind, name: str, status: str, message: str) -> Manifest:
        def check() -> None:
            found = self.get(kind, name)["status"]
            assert (found.get("status"), found.get("message")) == (status, message)

        eventually(check)
        return self.get(kind, name)


@pytest.fixture(scope="module")
def apis(lab: Any) -> list[Api]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(lab.kubeconfig))
        return [Api(connect(context), api.MANAGER) for context in lab.contexts]


def make_namespace(api_: Api, name: str, controller: str) -> None:
    api_.apply(NAMESPACE, None, {"metadata": {"name": name}})
    api_.apply(api.CONFIG_MAP, name, {"metadata": {"name": "skupper"}, "data": {"controller": controller}})


@pytest.fixture(scope="module")
def emulator(lab: Any, apis: list[Api], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    namespace = f"skupper-test-{secrets.token_hex(3)}"
    for api_ in apis:
        make_namespace(api_, namespace, f"{namespace}/skupper-controller")
    emulator = Emulator(lab.kubeconfig, lab.contexts, namespace, tmp_path_factory.mktemp("emulator"))
    emulator.start()
    yield emulator
    assert emulator.stop() == 0
    for api_ in apis:
        api_.delete(NAMESPACE, "", namespace)


@pytest.fixture
def places(apis: list[Api], emulator: Emulator) -> Iterator[list[Place]]:
    """A fresh namespace in each cluster, of the same name: nothing may depend on names being unique."""
    name = f"test-{secrets.token_hex(3)}"
    for api_ in apis:
        make_namespace(api_, name, f"{emulator.namespace}/skupper-controller")
    yield [Place(api_, name) for api_ in apis]
    for api_ in apis:
        api_.delete(NAMESPACE, "", name)


@pytest.fixture
def sites(places: list[Place]) -> list[Place]:
    """A site that accepts links and one that does not, both Ready."""
    places[0].create(api.SITE, "first", {"linkAccess": "default"})
    places[1].create(api.SITE, "second", {})
    places[0].wait(api.SITE, "first")
    places[1].wait(api.SITE, "second")
    return places


def make_grant(place: Place, name: str, **spec: Any) -> Manifest:
    place.create(api.GRANT, name, {"redemptionsAllowed": 1, "expirationWindow": "1h", **spec})
    return place.wait(api.GRANT, name)


def make_token(place: Place, name: str, grant: Manifest, **spec: Any) -> None:
    place.create(api.TOKEN, name, {field: grant["status"][field] for field in ("url", "code", "ca")} | spec)


def make_link(sites: list[Place], name: str) -> Manifest:
    make_token(sites[1], name, make_grant(sites[0], name))
    return sites[1].wait(api.LINK, name)


def owners(manifest: Manifest) -> list[tuple[str, str]]:
    return [(owner["kind"], owner["name"]) for owner in manifest["metadata"]["ownerReferences"]]


def test_a_token_becomes_a_link_that_belongs_to_the_site(sites: list[Place]) -> None:
    near, far = sites[1], sites[0]
    link = make_link(sites, "standby")
    token, secret = near.get(api.TOKEN, "standby"), near.get(api.SECRET, "standby")
    assert (token["status"]["redeemed"], token["status"]["status"], token["status"]["message"]) == (True, "Ready", "OK")
    assert owners(link) == owners(secret) == [("Site", "second")]
    assert secret["type"] == "kubernetes.io/tls"
    assert sorted(secret["data"]) == ["ca.crt", "tls.crt", "tls.key"]
    assert link["spec"]["tlsCredentials"] == "standby"
    assert link["spec"]["endpoints"] == far.get(api.SITE, "first")["status"]["endpoints"]
    remote = far.get(api.SITE, "first")["metadata"]["uid"]
    assert (link["status"]["remoteSiteId"], link["status"]["remoteSiteName"]) == (remote, "first")
    assert far.get(api.GRANT, "standby")["status"]["redemptions"] == 1

    def both_know_each_other() -> None:
        for place, name in ((far, "first"), (near, "second")):
            status = place.get(api.SITE, name)["status"]
            assert status["sitesInNetwork"] == 2
            assert {record["name"] for record in status["network"]} == {"first", "second"}

    eventually(both_know_each_other)


def test_a_grant_without_redemptions_allowed_gets_one(places: list[Place]) -> None:
    places[0].create(api.GRANT, "bare", {})
    grant = places[0].wait(api.GRANT, "bare")
    assert grant["spec"]["redemptionsAllowed"] == 1
    assert grant["status"]["url"].endswith(f"/{grant['metadata']['uid']}")
    assert len(grant["status"]["code"]) == 24


def test_a_window_that_go_cannot_parse_is_an_error_in_the_status(places: list[Place]) -> None:
    places[0].create(api.GRANT, "odd", {"redemptionsAllowed": 1, "expirationWindow": "1 day"})
    text = 'Invalid duration "1 day": time: unknown unit " day" in duration "1 day"'
    grant = places[0].wait_status(api.GRANT, "odd", "Error", text)
    assert "expirationTime" not in grant["status"]


def test_the_schema_refuses_a_window_that_is_no_duration(places: list[Place]) -> None:
    with pytest.raises(UnprocessibleEntityError, match="expirationWindow"):
        places[0].create(api.GRANT, "wrong", {"expirationWindow": "soon"})


def test_a_used_up_grant_is_still_ready_and_refuses_the_next_token(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "once")
    make_token(sites[1], "one", grant)
    sites[1].wait(api.TOKEN, "one", "Redeemed")
    make_token(sites[1], "two", grant)
    text = "Controller got failed response: 404 (Not Found) No such access granted"
    sites[1].wait_status(api.TOKEN, "two", "Error", text)
    assert sites[0].get(api.GRANT, "once")["status"]["status"] == "Ready"


def test_an_expired_grant_is_still_ready_and_is_not_known_any_more(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "brief", expirationWindow="-1s")
    make_token(sites[1], "late", grant)
    text = "Controller got failed response: 404 (Not Found) No such claim"
    sites[1].wait_status(api.TOKEN, "late", "Error", text)
    assert sites[0].get(api.GRANT, "brief")["status"]["status"] == "Ready"


def test_a_deleted_grant_is_not_known_and_its_link_stays(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "short", redemptionsAllowed=5)
    make_token(sites[1], "early", grant)
    sites[1].wait(api.LINK, "early")
    sites[0].delete(api.GRANT, "short")
    make_token(sites[1], "late", grant)
    text = "Controller got failed response: 404 (Not Found) No such claim"
    sites[1].wait_status(api.TOKEN, "late", "Error", text)
    assert sites[1].get(api.LINK, "early")["status"]["status"] == "Ready"


def test_a_newline_behind_the_code_is_refused_and_burns_nothing(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "exact")
    make_token(sites[1], "sloppy", grant, code=grant["status"]["code"] + "\n")
    text = "Controller got failed response: 403 (Forbidden) Redemption of access token refused"
    sites[1].wait_status(api.TOKEN, "sloppy", "Error", text)
    assert "redemptions" not in sites[0].get(api.GRANT, "exact")["status"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"ca": ""}, "token does not have a CA"),
        ({"url": "http://127.0.0.1/x"}, "token url scheme must be https"),
        (
            {"url": "https://127.0.0.1:1/x\n"},
            'could not parse token url: parse "https://127.0.0.1:1/x\\n": net/url: invalid control character in URL',
        ),
        (
            {"url": "https://127.0.0.1:1/x"},
            'Controller got error: Post "https://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
        ),
    ],
)
def test_a_token_that_cannot_be_posted_says_why(sites: list[Place], spec: Manifest, text: str) -> None:
    make_token(sites[1], "odd", make_grant(sites[0], "fine"), **spec)
    sites[1].wait_status(api.TOKEN, "odd", "Error", text)


def test_a_ca_that_did_not_sign_the_grant_server_is_an_unknown_authority(sites: list[Place]) -> None:
    grant = make_grant(sites[0], "fine")
    other = sites[1].get(api.SECRET, "skupper-local-ca")["data"]["ca.crt"]
    make_token(sites[1], "misled", grant, ca=base64.b64decode(other).decode())
    post = f'Controller got error: Post "{grant["status"]["url"]}": tls: failed to verify certificate: x509:'
    sites[1].wait_status(api.TOKEN, "misled", "Error", f"{post} certificate signed by unknown authority")


def test_a_name_that_is_taken_burns_a_redemption_for_every_attempt(sites: list[Place]) -> None:
    make_link(sites, "taken")
    sites[1].delete(api.TOKEN, "taken")
    eventually(lambda: sites[1].gone(api.TOKEN, "taken"))
    assert sites[1].get(api.LINK, "taken")["status"]["status"] == "Ready"
    make_token(sites[1], "taken", make_grant(sites[0], "generous", redemptionsAllowed=50))
    text = 'Controller could not create received secret: secrets "taken" already exists'
    sites[1].wait_status(api.TOKEN, "taken", "Error", text)

    def posted_again_by_its_own_status_write_and_by_the_resync() -> None:
        assert sites[0].get(api.GRANT, "generous")["status"]["redemptions"] >= 3

    eventually(posted_again_by_its_own_status_write_and_by_the_resync)


def test_a_link_whose_name_is_taken_is_reported_after_the_secret_was_made(sites: list[Place]) -> None:
    sites[1].create(api.LINK, "mine", {"endpoints": []})
    make_token(sites[1], "mine", make_grant(sites[0], "given"))
    text = 'Controller could not create received link: links.skupper.io "mine" already exists'

    def refused() -> None:
        # The second attempt finds the Secret of the first one, so this message is short-lived.
        log = sites[1].get(api.TOKEN, "mine")["status"]["message"]
        assert log in {text, "Controller got failed response: 404 (Not Found) No such access granted"}

    eventually(refused)
    sites[1].get(api.SECRET, "mine")


def test_a_redemption_before_the_site_has_endpoints_burns_a_use(places: list[Place]) -> None:
    places[0].create(api.SITE, "closed", {})
    places[1].create(api.SITE, "second", {})
    places[0].wait(api.SITE, "closed")
    make_token(places[1], "early", make_grant(places[0], "given"))
    text = "Controller got failed response: 404 (Not Found) No such access granted"
    places[1].wait_status(api.TOKEN, "early", "Error", text)
    assert places[0].get(api.GRANT, "given")["status"]["redemptions"] == 1


def test_a_token_waits_silently_for_a_site(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "default"})
    places[0].wait(api.SITE, "first")
    make_token(places[1], "patient", make_grant(places[0], "given"))
    make_token(places[0], "marker", make_grant(places[0], "other", expirationWindow="-1s"))
    places[0].wait(api.TOKEN, "marker", "Redeemed", "False")
    assert "status" not in places[1].get(api.TOKEN, "patient")
    places[1].create(api.SITE, "second", {})
    places[1].wait(api.TOKEN, "patient", "Redeemed")


def test_a_deleted_link_does_not_come_back_and_leaves_its_secret(sites: list[Place]) -> None:
    make_link(sites, "standby")
    sites[1].delete(api.LINK, "standby")

    def alone_again() -> None:
        assert sites[0].get(api.SITE, "first")["status"]["sitesInNetwork"] == 1

    eventually(alone_again)
    sites[1].gone(api.LINK, "standby")
    sites[1].get(api.SECRET, "standby")


def test_a_deleted_site_takes_links_and_secrets_along_and_spends_its_tokens(sites: list[Place]) -> None:
    make_link(sites, "standby")
    sites[1].delete(api.SITE, "second")
    eventually(lambda: sites[1].gone(api.LINK, "standby"), 30)
    eventually(lambda: sites[1].gone(api.SECRET, "standby"), 30)
    token = sites[1].wait_status(api.TOKEN, "standby", "Error", "Already redeemed for a deleted site")
    assert conditions.is_true(token, "Redeemed")


def test_two_links_to_one_site_are_both_ready(sites: list[Place]) -> None:
    make_link(sites, "old")
    make_link(sites, "new")
    assert sites[1].get(api.LINK, "old")["status"]["status"] == "Ready"


def test_a_highly_available_site_gives_two_links(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "default", "ha": True})
    places[1].create(api.SITE, "second", {})
    eventually(lambda: _has_groups(places[0], {"skupper-router", "skupper-router-2"}))
    make_token(places[1], "standby", make_grant(places[0], "given"))
    for name in ("standby-1", "standby-2"):
        assert places[1].wait(api.LINK, name)["spec"]["tlsCredentials"] == "standby"


def _has_groups(place: Place, groups: set[str]) -> None:
    assert {endpoint["group"] for endpoint in place.get(api.SITE, "first")["status"]["endpoints"]} == groups


def test_a_site_with_an_unknown_link_access_is_an_error(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {"linkAccess": "carrier-pigeon"})
    places[0].wait_status(api.SITE, "first", "Error", "Unsupported value for LinkAccess: carrier-pigeon")


def test_a_second_site_in_a_namespace_is_an_error_until_the_first_goes(places: list[Place]) -> None:
    places[0].create(api.SITE, "first", {})
    places[0].wait(api.SITE, "first")
    places[0].create(api.SITE, "other", {})
    places[0].wait_status(api.SITE, "other", "Error", "An active site already exists in the namespace (first)")
    places[0].delete(api.SITE, "first")
    places[0].wait(api.SITE, "other")


def test_what_a_site_brings_along_belongs_to_it(sites: list[Place]) -> None:
    for kind, name in (
        (api.SERVICE_ACCOUNT, "skupper-router"),
        (api.CONFIG_MAP, "skupper-router"),
        (api.ROUTER_ACCESS, "skupper-router"),
        (api.CERTIFICATE, "skupper-site-ca"),
        (api.CERTIFICATE, "skupper-local-ca"),
        (api.CERTIFICATE, "skupper-local-server"),
    ):
        assert owners(sites[0].get(kind, name)) == [("Site", "first")], name


def test_rekeying_the_site_revokes_every_link_and_new_tokens_work(sites: list[Place]) -> None:
    far, near = sites
    make_link(sites, "old")
    old_ca = far.get(api.SECRET, "skupper-site-ca")["data"]["tls.crt"]
    far.delete(api.SECRET, "skupper-site-ca")

    def rekeyed() -> None:
        assert far.get(api.SECRET, "skupper-site-ca")["data"]["tls.crt"] != old_ca

    eventually(rekeyed)
    assert near.get(api.LINK, "old")["status"]["status"] == "Ready"
    make_token(near, "between", make_grant(far, "between"))
    near.wait(api.LINK, "between", "Configured")
    far.delete(api.SECRET, "skupper-site-server")
    near.wait_status(api.LINK, "old", "Pending", "Not operational")
    assert near.get(api.LINK, "old")["status"]["remoteSiteName"] == "first"
    near.wait(api.LINK, "between")


def test_a_link_waits_for_its_credentials(sites: list[Place]) -> None:
    spec = make_link(sites, "given")["spec"]
    sites[1].create(api.LINK, "made", {**spec, "tlsCredentials": "later"})
    sites[1].wait_status(api.LINK, "made", "Error", 'TLS credentials secret "later" not found')
    secret = sites[1].get(api.SECRET, "given")
    body = {"metadata": {"name": "later"}, "type": secret["type"], "data": secret["data"]}
    sites[1].api.create(api.SECRET, sites[1].namespace, body)
    sites[1].wait(api.LINK, "made")


def test_a_listener_meets_its_connector_over_the_link(sites: list[Place]) -> None:
    far, near = sites
    near.create(api.LISTENER, "db", {"routingKey": "db", "host": "postgres-primary", "port": 5432})
    near.wait_status(api.LISTENER, "db", "Pending", "No matching connectors")
    far.create(api.CONNECTOR, "db", {"routingKey": "db", "host": "db.test.svc", "port": 5432})
    far.wait_status(api.CONNECTOR, "db", "Pending", "No matching listeners")
    make_link(sites, "standby")
    assert near.wait(api.LISTENER, "db")["status"]["hasMatchingConnector"] is True
    assert far.wait(api.CONNECTOR, "db")["status"]["hasMatchingListener"] is True
    service = near.get(api.SERVICE, "postgres-primary")
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(5432, 1024)]
    near.delete(api.SERVICE, "postgres-primary")
    eventually(lambda: near.get(api.SERVICE, "postgres-primary"))
    near.delete(api.LISTENER, "db")
    eventually(lambda: near.gone(api.SERVICE, "postgres-primary"))
    far.wait_status(api.CONNECTOR, "db", "Pending", "No matching listeners")


def test_listeners_on_one_host_share_a_service_and_never_a_port(sites: list[Place]) -> None:
    near = sites[1]
    for name, port in (("one", 80), ("two", 81)):
        near.create(api.LISTENER, name, {"routingKey": name, "host": "shared", "port": port})
        near.wait(api.LISTENER, name, "Configured")
    ports = near.get(api.SERVICE, "shared")["spec"]["ports"]
    assert sorted((port["name"], port["port"], port["targetPort"]) for port in ports) == [
        ("one", 80, 1024),
        ("two", 81, 1025),
    ]
    near.create(api.LISTENER, "three", {"routingKey": "three", "host": "shared", "port": 80})
    text = "Listener one with host shared and port 80 already exists in namespace"
    near.wait_status(api.LISTENER, "three", "Error", text)


def test_a_listener_does_not_touch_a_service_of_others(sites: list[Place]) -> None:
    near = sites[1]
    near.create(api.SERVICE, "mine", {"ports": [{"port": 80}]})
    near.create(api.LISTENER, "db", {"routingKey": "db", "host": "mine", "port": 5432})
    near.wait_status(api.LISTENER, "db", "Error", "Service mine already exists in namespace")
    assert near.get(api.SERVICE, "mine")["spec"]["ports"][0]["port"] == 80


def test_a_connector_with_a_selector_follows_its_pods(sites: list[Place]) -> None:
    far = sites[0]
    far.create(api.CONNECTOR, "web", {"routingKey": "web", "selector": "app=web", "port": 8080})
    pod = {"containers": [{"name": "web", "image": "none"}], "nodeName": "nowhere"}
    # The default service account is made by a controller of its own.
    eventually(lambda: far.get(api.SERVICE_ACCOUNT, "default"))
    body = {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": pod}
    far.api.create(api.POD, far.namespace, body)
    far.wait_status(api.CONNECTOR, "web", "Error", "No matches for selector")
    live = far.get(api.POD, "web")
    live["status"] |= {"phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]}
    live["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    far.api.replace_status(api.POD, live)
    far.wait(api.CONNECTOR, "web", "Configured")
    far.create(api.LISTENER, "web", {"routingKey": "web", "host": "web", "port": 80})
    far.wait(api.CONNECTOR, "web")


def test_a_restart_blanks_grants_for_a_moment_and_keeps_urls_and_ca(
    sites: list[Place], emulator: Emulator, apis: list[Api]
) -> None:
    place = sites[0]
    before = make_grant(place, "kept")["status"]
    assert emulator.stop() == 0
    seen: list[Manifest] = []
    looked = threading.Event()

    def look(key: str) -> None:
        found = watch.get(key)
        if found and key == f"{place.namespace}/kept":
            seen.append(found["status"])
            if len(seen) > 1 and conditions.is_true(found, "Ready"):
                looked.set()

    watch = Informer(apis[0].client, api.GRANT, look)
    watch.start()
    assert watch.synced.wait(10)
    emulator.start()
    assert looked.wait(10)
    watch.stop()
    assert any("url" not in status and "ca" not in status and status["status"] == "Pending" for status in seen)
    after = place.get(api.GRANT, "kept")["status"]
    assert {field: after[field] for field in ("url", "code", "ca")} == {
        field: before[field] for field in ("url", "code", "ca")
    }
    make_token(sites[1], "kept", place.get(api.GRANT, "kept"))
    sites[1].wait(api.LINK, "kept")


def test_links_survive_a_restart(sites: list[Place], emulator: Emulator) -> None:
    make_link(sites, "standby")
    emulator.stop()
    emulator.start()
    make_link(sites, "another")
    assert sites[1].get(api.LINK, "standby")["status"]["status"] == "Ready"


def test_no_code_and_no_key_is_ever_logged(sites: list[Place], emulator: Emulator) -> None:
    make_link(sites, "standby")
    log = emulator.log()
    assert "standby" in log
    assert sites[0].get(api.GRANT, "standby")["status"]["code"] not in log
    with contextlib.suppress(KeyError):
        assert sites[1].get(api.SECRET, "standby")["data"]["tls.key"] not in log
    assert "PRIVATE KEY" not in log

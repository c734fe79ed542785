"""One cluster by its context: what comes back, what does not, and in which words."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ops.clusters import Cluster, ClusterError, Right
from tests.unit.http_api import HttpApi, http_api, write_kubeconfig


@pytest.fixture
def api() -> Iterator[HttpApi]:
    with http_api() as served:
        yield served


@pytest.fixture
def cluster(api: HttpApi, tmp_path: Path) -> Cluster:
    return Cluster("site-a", str(write_kubeconfig(tmp_path / "config", {"site-a": api.url})), seconds=2)


def test_an_object_comes_as_it_is_and_a_missing_one_is_none(cluster: Cluster, api: HttpApi) -> None:
    api.answers["/apis/skupper.io/v2alpha1/namespaces/rhsi/sites/mine"] = {"kind": "Site", "spec": {}}
    assert cluster.object("skupper.io/v2alpha1", "sites", "mine", "rhsi") == {"kind": "Site", "spec": {}}
    assert cluster.object("skupper.io/v2alpha1", "sites", "other", "rhsi") is None
    assert api.seen["Authorization"] == "Bearer token-of-site-a"


def test_a_list_of_what_the_server_does_not_serve_is_empty(cluster: Cluster, api: HttpApi) -> None:
    api.answers["/api/v1/pods"] = {"items": [{"metadata": {"name": "one"}}]}
    assert cluster.objects("v1", "pods") == [{"metadata": {"name": "one"}}]
    assert cluster.objects("v1", "pods", "rhsi", limit="1") == []
    assert api.asked[-1] == ("GET", "/api/v1/namespaces/rhsi/pods?limit=1")


def test_kinds_come_with_their_plurals_and_without_subresources(cluster: Cluster, api: HttpApi) -> None:
    listed = [{"kind": "Site", "name": "sites"}, {"kind": "Site", "name": "sites/status"}]
    api.answers["/apis/skupper.io/v2alpha1"] = {"resources": listed}
    assert cluster.served("skupper.io/v2alpha1") == {"Site": "sites"}
    assert cluster.served("external-secrets.io/v1") == {}


def test_a_refusal_says_who_refuses_what_and_why(cluster: Cluster, api: HttpApi) -> None:
    api.answers["/api/v1/secrets"] = (403, {"message": 'secrets is forbidden: User "jane" cannot list'})
    with pytest.raises(ClusterError, match=r'^Context site-a refuses GET /api/v1/secrets: .* "jane" cannot') as error:
        cluster.objects("v1", "secrets")
    assert error.value.refused


def with_program(kubeconfig: Path, script: str) -> str:
    """The kubeconfig with a program that fetches the credentials."""
    document = yaml.safe_load(kubeconfig.read_text())
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script]}
    document["users"][0]["user"] = {"exec": run}
    kubeconfig.write_text(yaml.safe_dump(document))
    return str(kubeconfig)


def test_a_program_may_fetch_the_credentials(api: HttpApi, tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "fetched"},
    }
    kubeconfig = write_kubeconfig(tmp_path / "config", {"site-a": api.url})
    api.answers["/version"] = {"gitVersion": "v1.34.1"}
    assert Cluster("site-a", with_program(kubeconfig, f"echo '{json.dumps(credential)}'")).get("/version")
    assert api.seen["Authorization"] == "Bearer fetched"


def test_a_program_that_fetches_no_credentials_is_no_anonymous_login(
    api: HttpApi, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", {"site-a": api.url})
    cluster = Cluster("site-a", with_program(kubeconfig, "echo the session is over >&2; exit 3"))
    for _ in range(2):
        with pytest.raises(
            ClusterError, match=r"^Context site-a has no login: exec: .* 3\. the session is over\.$"
        ) as error:
            cluster.get("/version")
        assert error.value.no_login
    assert not api.asked
    assert capfd.readouterr() == ("", "")


def test_the_kubeconfig_may_be_of_several_files(api: HttpApi, tmp_path: Path) -> None:
    files = [tmp_path / "absent", *(write_kubeconfig(tmp_path / one, {one: api.url}) for one in ("site-a", "site-b"))]
    api.answers["/version"] = {"gitVersion": "v1.34.1"}
    for context in ("site-a", "site-b"):
        assert Cluster(context, os.pathsep.join(map(str, files))).get("/version")
        assert api.seen["Authorization"] == f"Bearer token-of-{context}"


def test_a_server_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    kubeconfig = write_kubeconfig(tmp_path / "config", {"site-a": f"http://127.0.0.1:{port}"})
    with pytest.raises(ClusterError, match=r"^Context site-a does not answer: .*refused") as error:
        Cluster("site-a", str(kubeconfig)).get("/version")
    assert not error.value.refused
    assert "\n" not in str(error.value)


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        kubeconfig = write_kubeconfig(tmp_path / "config", {"site-a": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        with pytest.raises(ClusterError, match="timed out"):
            Cluster("site-a", str(kubeconfig), seconds=0.2).get("/version")


def test_there_is_no_default_context(tmp_path: Path, api: HttpApi) -> None:
    kubeconfig = write_kubeconfig(tmp_path / "config", {"prod": api.url, "test": api.url})
    with pytest.raises(ClusterError, match="Context site-a: the kubeconfig has prod, test"):
        Cluster("site-a", str(kubeconfig))
    with pytest.raises(ClusterError, match="there is no kubeconfig"):
        Cluster("site-a", str(tmp_path / "missing"))


def test_a_right_is_asked_for_by_its_parts(cluster: Cluster, api: HttpApi) -> None:
    bodies = []

    def answer(body: dict[str, object]) -> dict[str, object]:
        bodies.append(body["spec"])
        return {"status": {"allowed": len(bodies) == 1}}

    api.answers["/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = answer
    right = Right(verb="get", resource="secrets", name="rhsi-link-token", namespace="rhsi")
    assert cluster.may(right)
    assert not cluster.may(Right(verb="get", path="/openid/v1/jwks"))
    assert bodies == [
        {
            "resourceAttributes": {
                "verb": "get",
                "group": "",
                "resource": "secrets",
                "name": "rhsi-link-token",
                "namespace": "rhsi",
            }
        },
        {"nonResourceAttributes": {"verb": "get", "path": "/openid/v1/jwks"}},
    ]


def test_a_right_reads_as_oc_takes_it() -> None:
    assert str(Right(verb="create", group="batch", resource="jobs", namespace="rhsi")) == "create jobs.batch -n rhsi"
    named = Right(verb="get", resource="pods", subresource="exec", name="postgres-primary-0", namespace="rhsi")
    assert str(named) == "get pods/postgres-primary-0 --subresource=exec -n rhsi"
    assert str(Right(verb="get", resource="namespaces", name="kube-system")) == "get namespaces/kube-system -A"


def test_the_servers_clock_is_read_from_its_answers(cluster: Cluster, api: HttpApi) -> None:
    api.headers["Date"] = "Thu, 01 Jan 1970 00:10:00 GMT"
    api.answers["/version"] = {"gitVersion": "v1.34.1"}
    cluster.get("/version")
    assert cluster.clock
    assert cluster.clock.server == 600
    assert cluster.clock.ahead < -(10**9)

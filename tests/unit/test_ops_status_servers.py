"""What is asked of PostgreSQL servers in their pods, of which ones, and what a refusal comes to."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from ops.clusters import Cluster, Manifest
from ops.status import inside, server
from ops.status.inside import CommandError, Finished, finished, refusal
from ops.status.place import Place, Standing
from ops.status.replication import figures, is_subscribed
from ops.status.server import Server, command, literal
from tests.unit.recorded_cluster import RecordedCluster

A = Place(stack="site-a", site="site-a", primary="", context="site-a", namespace="rhsi", databases="db")
B = replace(A, stack="site-b", site="site-b", primary="site-a", context="site-b")
DENIED = CommandError("this login may not run psql in postgres-primary-0: it needs ...", denied=True)

RECEIVES = {
    "in_recovery": True,
    "replay": "not paused",
    "position": "0/3000148",
    "change_seconds": 4.0,
    "connected": True,
    "state": "streaming",
    "message_seconds": 1.0,
}
SENDS = {"active": True, "wal": "reserved", "position": "0/3000148", "state": "streaming", "lag_ms": 1.5}
APPLIES = {"enabled": True, "works": True, "message_seconds": 3.0, "unfinished_tables": 0}
PUBLISHES = {"active": True, "wal": "reserved", "bytes_behind": 0, "state": "streaming", "lag_ms": None}

Pods = dict[str, dict[str, Any] | Exception]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Pods], list[tuple[str, str]]]:
    """Let pods answer; gives the pods that were asked, with their namespaces."""

    def answer(pods: Pods) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []

        def run(
            _: Cluster, namespace: str, pod: str, container: str, _argv: Sequence[str], *, seconds: float
        ) -> Finished:
            assert (container, seconds) == ("postgres", server.EXEC_SECONDS)
            found.append((namespace, pod))
            said = pods[pod]
            if isinstance(said, Exception):
                raise said
            return Finished(0, json.dumps(said) if said else "\n", "")

        monkeypatch.setattr(inside, "run", run)
        return found

    return answer


def named(name: str, **fields: Any) -> Manifest:
    return {"metadata": {"name": name, "namespace": "rhsi"}, **fields}


def replicated(name: str, primary: str, **fields: Any) -> Manifest:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "metadata": {"name": name, "namespace": "db"},
        "status": {"currentPrimary": primary} if primary else {},
        **fields,
    }


def subscription() -> Manifest:
    spec = {
        "name": "site_b_from_site_a",
        "dbname": "app",
        "cluster": {"name": "edb-site-b"},
        "externalClusterName": "edb-site-a-verify-full-0a1b2c3d",
    }
    return replicated("site-b-from-site-a", "", spec=spec)


def standing(place: Place, **lists: list[Manifest]) -> Standing:
    return Standing(place, RecordedCluster((), dead=False, serves=True, **lists).cluster)


def test_the_question_is_one_read_only_query_whose_answer_is_json() -> None:
    argv = command("SELECT * FROM t WHERE name = %s", ("o'clock",), "my db")
    assert argv[0] == "psql"
    assert argv[-1] == (
        "--command=SELECT row_to_json(answer) FROM (SELECT * FROM t WHERE name = 'o''clock') AS answer LIMIT 1"
    )
    (connection,) = [word for word in argv if word.startswith("--dbname=")]
    assert connection.startswith(
        "--dbname=dbname='my db' user='postgres' connect_timeout='2' options='-c default_transaction_read_only=on "
    )
    assert "--no-password" in argv
    assert "host" not in connection, "by the socket of the pod"


def test_a_text_cannot_end_its_literal() -> None:
    assert literal("' OR 1 = 1 --") == "''' OR 1 = 1 --'"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            'psql: error: connection to server on socket "/run/.s.PGSQL.5432" failed: FATAL:  the database system is '
            "starting up\n",
            "the database system is starting up",
        ),
        ("ERROR:  relation does not exist\n", "ERROR:  relation does not exist"),
        ("", "psql failed"),
    ],
)
def test_a_server_that_refuses_says_why(monkeypatch: pytest.MonkeyPatch, said: str, problem: str) -> None:
    monkeypatch.setattr(inside, "run", lambda *_, **__: Finished(2, "", said))
    found = Server(cluster=RecordedCluster().cluster, namespace="rhsi", pod="p-0", name="postgres-standby").answer("q")
    assert (found.row, found.problem, found.denied) == ({}, f"postgres-standby does not answer: {problem}", False)


def handshake(status: int, message: str) -> ApiException:
    body = json.dumps({"kind": "Status", "message": message})
    return ApiException(status=0, reason=f"Handshake status {status} Something -+-+- {{'date': 'now'}} -+-+- {body}")


def test_a_login_that_may_not_exec_is_told_the_right_that_it_lacks() -> None:
    forbidden = handshake(403, 'pods "postgres-primary-0" is forbidden')
    found = refusal(forbidden, "site-a", "rhsi", "postgres-primary-0")
    assert found.denied
    assert str(found) == (
        "this login may not run psql in postgres-primary-0: it needs get and create on pods/exec in namespace rhsi of "
        "context site-a"
    )


def test_any_other_refusal_is_the_api_servers_own_sentence_without_headers() -> None:
    absent = refusal(handshake(404, 'pods "postgres-primary-0" not found'), "site-a", "rhsi", "postgres-primary-0")
    assert (str(absent), absent.denied) == ('pods "postgres-primary-0" not found', False)
    silent = refusal(ApiException(status=0, reason="timed out"), "site-a", "rhsi", "p")
    assert str(silent) == "the API server does not answer"
    bare = ApiException(status=0, reason="Handshake status 502 Bad Gateway -+-+- {} -+-+- None")
    assert str(refusal(bare, "site-a", "rhsi", "p")) == "the API server answers 502"


def ended(status: str, reason: str, message: str) -> str:
    causes = [{"reason": reason, "message": message}] if reason else []
    return json.dumps({"status": status, "message": f"command ended: {message}", "details": {"causes": causes}})


def test_a_stream_ends_with_the_exit_code_of_its_command() -> None:
    assert finished(ended("Success", "", ""), "{}", "") == Finished(0, "{}", "")
    assert finished(ended("Failure", "ExitCode", "2"), "", "no") == Finished(2, "", "no")


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (ended("Failure", "", "exec: psql: executable file not found"), "executable file not found"),
        (ended("Failure", "InternalError", "no such container"), "no such container"),
        (json.dumps({"status": "Failure"}), "broke off"),
        ("", "broke off"),
    ],
)
def test_a_command_that_did_not_run_is_a_sentence_and_no_exit_code(last: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        finished(last, "", "")


def test_a_server_that_prints_no_json_is_a_problem_of_that_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "run", lambda *_, **__: Finished(0, "Welcome", ""))
    found = Server(cluster=RecordedCluster().cluster, namespace="rhsi", pod="p-0", name="postgres-standby").answer("q")
    assert found.problem == "postgres-standby does not answer: psql printed something else than JSON"


def test_a_standby_and_its_primary_are_asked_in_their_own_pods(asked: Callable[[Pods], list[tuple[str, str]]]) -> None:
    pods = asked({"postgres-primary-0": SENDS, "postgres-standby-0": RECEIVES})
    sites = [standing(A), standing(B, statefulsets=[named("postgres-standby")])]
    (copy,) = figures(sites)
    assert (copy.stack, copy.copy, copy.source, copy.status) == (
        "site-b",
        "postgres-standby",
        "postgres-primary",
        "Ready",
    )
    assert (copy.lag_ms, copy.bytes_behind, copy.message_seconds) == (1.5, 0, 1.0)
    assert sorted(pods) == [("rhsi", "postgres-primary-0"), ("rhsi", "postgres-standby-0")]


def test_after_a_failover_the_other_standbys_source_is_the_promoted_one(
    asked: Callable[[Pods], list[tuple[str, str]]],
) -> None:
    asked({"postgres-standby-0": {**RECEIVES, **SENDS}})
    fenced = standing(A, services=[named("postgres-primary-fenced")])
    promoted = standing(B, statefulsets=[named("postgres-standby")], connectors=[named("postgres-primary")])
    other = standing(replace(B, stack="site-c", site="site-c"), statefulsets=[named("postgres-standby")])
    asked_of = asked({"postgres-standby-0": {}})
    figures([fenced, promoted, other])
    assert len(asked_of) == 4, "two standbys, and for each its source, which is the promoted one"
    assert {pod for _, pod in asked_of} == {"postgres-standby-0"}


def test_a_subscription_is_asked_for_in_the_primaries_that_their_clusters_name(
    asked: Callable[[Pods], list[tuple[str, str]]],
) -> None:
    pods = asked({"edb-site-a-2": PUBLISHES, "edb-site-b-1": APPLIES})
    elsewhere = replace(A, databases="data")
    there = replicated("edb-site-a", "edb-site-a-2")
    there["metadata"]["namespace"] = "data"
    sites = [
        standing(elsewhere, clusters=[there]),
        standing(B, clusters=[replicated("edb-site-b", "edb-site-b-1")], subscriptions=[subscription()]),
    ]
    (copy,) = figures(sites)
    assert (copy.copy, copy.source, copy.status) == ("site_b_from_site_a", "edb-site-a", "Ready")
    assert sorted(pods) == [("data", "edb-site-a-2"), ("db", "edb-site-b-1")]
    assert [is_subscribed(site) for site in sites] == [False, True]


@pytest.mark.parametrize(
    ("primary", "status", "problem"),
    [
        ("edb-site-b-1", "Unknown", "it receives, but nothing is known of edb-site-a: its cluster does not answer"),
        ("", "Error", "edb-site-b has no primary yet"),
    ],
)
def test_a_subscription_without_one_of_its_servers_says_which(
    asked: Callable[[Pods], list[tuple[str, str]]], primary: str, status: str, problem: str
) -> None:
    asked({"edb-site-b-1": APPLIES})
    here = standing(B, clusters=[replicated("edb-site-b", primary)], subscriptions=[subscription()])
    there = [] if primary else [standing(A, clusters=[replicated("edb-site-a", "edb-site-a-1")])]
    (copy,) = figures([here, *there])
    assert copy.status == status
    assert copy.problem.startswith(problem)


def test_databases_of_one_name_in_several_environments_are_not_taken_for_each_other(
    asked: Callable[[Pods], list[tuple[str, str]]],
) -> None:
    pods = asked({"edb-site-a-1": PUBLISHES, "edb-site-a-2": PUBLISHES, "edb-site-b-1": APPLIES})
    test = replace(A, stack="test-a")
    sites = [
        standing(test, clusters=[replicated("edb-site-a", "edb-site-a-1")]),
        standing(A, clusters=[replicated("edb-site-a", "edb-site-a-2")]),
        standing(B, clusters=[replicated("edb-site-b", "edb-site-b-1")], subscriptions=[subscription()]),
    ]
    assert [copy.status for copy in figures(sites)] == ["Ready"]
    assert sorted(pods) == [("db", "edb-site-a-2"), ("db", "edb-site-b-1")]


def test_a_copy_that_may_not_be_asked_for_is_unknown_and_names_the_right(
    asked: Callable[[Pods], list[tuple[str, str]]],
) -> None:
    sites = [
        standing(A, clusters=[replicated("edb-site-a", "edb-site-a-1")]),
        standing(
            B,
            statefulsets=[named("postgres-standby")],
            clusters=[replicated("edb-site-b", "edb-site-b-1")],
            subscriptions=[subscription()],
        ),
    ]
    asked(
        {"postgres-primary-0": DENIED, "postgres-standby-0": RECEIVES, "edb-site-a-1": DENIED, "edb-site-b-1": APPLIES}
    )
    for copy in figures(sites):
        assert copy.status == "Unknown"
        assert "this login may not run psql in postgres-primary-0: it needs" in copy.problem


def test_a_cluster_that_does_not_answer_hides_nothing_of_the_others(
    asked: Callable[[Pods], list[tuple[str, str]]],
) -> None:
    asked({"postgres-standby-0": RECEIVES})
    dead = Standing(A, RecordedCluster(dead=True).cluster)
    (copy,) = figures([dead, standing(B, statefulsets=[named("postgres-standby")])])
    assert copy.status == "Unknown"
    assert copy.problem.startswith("it receives, but nothing is known of postgres-primary: its cluster does not answer")

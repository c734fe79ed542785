"""What only some servers have: users, databases, slots, rules, a version check, a budget and an exporter."""

import json
from typing import Any

import pytest

from components.postgres import access, monitoring
from tests.unit.recorder import PRIMARY_OUTPUTS, reveal
from tests.unit.test_databases import (
    EXTERNAL_SECRET,
    JOB,
    KV_SECRET,
    SECRET,
    decoded,
    pod,
    primary,
    standby,
    the_server,
)
from tests.unit.test_postgres_promotion import environment, the_job
from tests.unit.urns import OF_USERS, USER

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
POD_MONITOR = "kubernetes:monitoring.coreos.com/v1:PodMonitor"
RULE = "host orders orders_app 10.0.0.0/8 scram-sha-256"
PASSWORD = "-".join(["given", "orders"])


def test_a_user_has_a_secret_here_one_in_vault_for_each_standby_and_a_path_in_the_outputs() -> None:
    graph = primary(users={"orders_app": {"password": PASSWORD}}, changes={"standbys": {"site-b": {}, "site-c": {}}})
    assert decoded(graph.named(SECRET, USER)) == {"username": "orders_app", "password": PASSWORD}
    published = {one.inputs["name"]: json.loads(reveal(one.inputs["dataJson"])) for one in graph.of_type(KV_SECRET)}
    for site in ("site-b", "site-c"):
        assert published[f"{site}/{USER}"] == {"username": "orders_app", "password": PASSWORD}
        assert graph.exports["standbys"][site]["secrets"][USER] == f"{site}/{USER}"
    assert graph.leaks(PASSWORD) == []


def test_a_standby_has_the_secrets_of_the_users_that_it_names_and_no_others() -> None:
    graph = standby(users={"orders_app": {}}, primary_outputs=OF_USERS)
    secret = graph.named(EXTERNAL_SECRET, USER)
    assert secret.inputs["spec"]["dataFrom"] == [{"extract": {"key": f"site-b/{USER}"}}]
    assert set(secret.inputs["spec"]["target"]["template"]["data"]) == {"username", "password"}
    names = {one.inputs["metadata"]["name"] for one in standby(primary_outputs=OF_USERS).made(EXTERNAL_SECRET)}
    assert USER not in names


def test_a_user_that_the_primary_does_not_have_is_a_sentence_on_the_standby() -> None:
    with pytest.raises(Exception, match=f"has published no Secret {USER} for site-b: run `pulumi up -s site-a` first"):
        standby(users={"orders_app": {}})


def test_users_and_databases_come_to_the_running_server_by_a_job_and_its_pod_stays() -> None:
    graph = primary(users={"orders_app": {}}, databases={"orders": {"owner": "orders_app"}, "stock": {}})
    assert the_server(graph).inputs == the_server(primary()).inputs
    job = the_job(graph)
    told = environment(job)
    assert told["USERS"] == USER
    assert "OWN" not in told
    assert told["DATABASES"] == "orders=orders_app stock=appuser"
    assert graph.waits_for(job, the_server(graph))
    mounts = job.inputs["spec"]["template"]["spec"]["volumes"]
    assert {"name": USER, "secret": {"secretName": USER, "defaultMode": 0o440}} in mounts


def test_slots_are_made_for_the_standbys_of_the_stack() -> None:
    told = environment(the_job(primary(manageSlots=True, changes={"standbys": {"site-b": {}, "site-c-2": {}}})))
    assert (told["SLOTS"], told["RESERVE"]) == ("site_b site_c_2", "false")
    assert environment(the_job(primary(manageSlots=True, changes={"standbys": {}})))["SLOTS"] == "-"


def test_the_programs_own_rules_come_first_and_everybody_else_still_needs_a_password() -> None:
    assert access.text([RULE]).splitlines() == [
        f"# Rules {access.version([RULE])} of rhsi:postgres.pgHba",
        "local all all trust",
        "host replication all all scram-sha-256",
        "host postgres replicator all scram-sha-256",
        "host app appuser all scram-sha-256",
        RULE,
        "host all all all scram-sha-256",
    ]


def test_other_rules_leave_the_primarys_pod_alone_and_are_reloaded() -> None:
    one, other = primary(pgHba=[RULE]), primary(pgHba=[RULE, "host all all all reject"])
    assert the_server(one).inputs == the_server(other).inputs
    assert environment(the_job(one))["ACCESS"] != environment(the_job(other))["ACCESS"]
    (server,) = pod(one)["containers"]
    assert server["args"][-2:] == ["-c", "hba_file=/access/pg_hba.conf"]
    assert {"name": "access", "configMap": {"name": "postgres-primary-access"}} in pod(one)["volumes"]
    rules = one.named(CONFIG_MAP, "postgres-primary-access")
    assert environment(the_job(one))["ACCESS"] in rules.inputs["data"]["pg_hba.conf"]
    assert one.waits_for(the_server(one), rules)


def test_other_rules_start_a_standby_again() -> None:
    one, other = standby(pgHba=[RULE]), standby(pgHba=[RULE, "host all all all reject"])
    restarts = [the_server(graph).inputs["spec"]["template"]["metadata"] for graph in (one, other)]
    assert restarts[0] != restarts[1]


def test_a_version_that_is_set_is_checked_before_the_server_starts() -> None:
    graph = primary(version=18)
    check, prepare = pod(graph)["initContainers"]
    assert (check["name"], prepare["name"]) == ("version", "prepare")
    assert {"name": "VERSION", "value": "18"} in check["env"]
    assert check["volumeMounts"] == [{"name": "data", "mountPath": "/data", "readOnly": True}]
    assert [one["name"] for one in pod(primary())["initContainers"]] == ["prepare"], "or every server would start again"


def test_a_standby_of_another_version_than_its_primarys_is_refused() -> None:
    assert primary().exports["postgres"]["version"] == 16
    outputs = {**PRIMARY_OUTPUTS, "postgres": {**PRIMARY_OUTPUTS["postgres"], "version": 17.0}}
    with pytest.raises(
        Exception,
        match=r"This stack has PostgreSQL 16, but the primary's stack site-a 17, which no other one can follow: set "
        r"rhsi:postgres.version to 17 here",
    ):
        standby(primary_outputs=outputs)
    assert standby(primary_outputs=outputs, image="postgres:17").exports["postgres"]
    assert standby(primary_outputs=outputs, image="pg:latest").exports["postgres"], "nobody knows"


@pytest.mark.parametrize("site", [primary, standby])
def test_a_budget_and_an_exporter_are_there_only_on_request(site: Any) -> None:
    assert not site().of_type(BUDGET)
    assert not site().of_type(POD_MONITOR)
    graph = site(podDisruptionBudget=True, monitoring=True)
    server = the_server(graph)
    labels = server.inputs["spec"]["template"]["metadata"]["labels"]
    budget, monitor = graph.one(BUDGET).inputs["spec"], graph.one(POD_MONITOR).inputs["spec"]
    assert budget["maxUnavailable"] == 0
    for selected in (budget["selector"]["matchLabels"], monitor["selector"]["matchLabels"]):
        assert selected.items() <= labels.items()
    _, exporter = pod(graph)["containers"]
    assert exporter["image"] == monitoring.IMAGE
    assert exporter["ports"] == [{"name": monitor["podMetricsEndpoints"][0]["port"], "containerPort": 9187}]
    assert exporter["securityContext"]["readOnlyRootFilesystem"] is True
    assert not any("Probe" in key for key in exporter), "a server whose exporter is ill is ready"
    assert "password" not in str(exporter)
    mirror = site(monitoring=True, exporterImage="registry.example.com/exporter:1")
    assert pod(mirror)["containers"][1]["image"] == "registry.example.com/exporter:1"


def test_the_primary_makes_the_role_of_the_exporter() -> None:
    assert environment(the_job(primary(monitoring=True)))["MONITOR"] == "rhsi_monitor"
    names = [one.inputs["metadata"]["name"] for one in standby(monitoring=True).of_type(JOB)]
    assert "postgres-upkeep" not in names, "a standby has it from its primary"

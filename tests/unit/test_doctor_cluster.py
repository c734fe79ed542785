"""What the doctor says of a cluster: its server, kinds, controllers, and the rights of the login."""

from typing import Any

import pytest

from ops.clusters import Cluster, ClusterError
from ops.doctor import controllers, images, kinds, names, rights, server
from ops.doctor.needs import rights as needed_rights
from ops.doctor.running import Check, run
from ops.doctor.scene import Once
from tests.unit.doctor_world import REVIEWS, World, only, told
from tests.unit.http_api import write_kubeconfig

SKUPPER = "/apis/skupper.io/v2alpha1"
SECRETS = "/apis/external-secrets.io/v1"
DEPLOYMENTS = "/apis/apps/v1/deployments"
PODS = "/api/v1/namespaces/rhsi/pods"


def served(*kinds_of: str) -> dict[str, Any]:
    return {"resources": [{"kind": kind, "name": f"{kind.lower()}s"} for kind in kinds_of]}


def test_a_server_that_is_new_enough_is_named_with_its_version(lab: World) -> None:
    lab.site_a.answers |= {"/version": {"gitVersion": "v1.34.1"}, "/apis/security.openshift.io": {}}
    assert told(server.check(lab.primary())) == [("ok", "Context site-a answers: Kubernetes 1.34.1.")]


def test_a_server_that_is_too_old_is_an_error(lab: World) -> None:
    lab.site_a.answers |= {"/version": {"gitVersion": "v1.26.9+k3s1"}, "/apis/security.openshift.io": {}}
    ((state, sentence),) = told(server.check(lab.primary()))
    assert state == "error"
    assert sentence == "Context site-a is Kubernetes v1.26.9+k3s1; 1.27 (OpenShift 4.14) is the oldest."


@pytest.mark.parametrize(("platform", "openshift"), [("openshift", False), ("kubernetes", True)])
def test_a_platform_that_the_cluster_is_not_is_a_warning(lab: World, platform: str, openshift: bool) -> None:
    lab.site_a.answers |= {"/version": {"gitVersion": "v1.34.1"}}
    if openshift:
        lab.site_a.answers["/apis/security.openshift.io"] = {}
    (found,) = only(server.check(lab.primary(cluster={"context": "site-a", "platform": platform})), "warning")
    other = "openshift" if openshift else "kubernetes"
    assert found.fix == f"pulumi config set --path 'rhsi:cluster.platform' {other} -s site-a"


def test_a_server_that_is_away_and_a_login_that_has_expired_are_told_apart(lab: World) -> None:
    lab.site_a.answers["/version"] = (401, {"message": "Unauthorized"})
    (refused,) = server.check(lab.primary())
    assert (refused.state, refused.fix) == ("error", "oc login; ask again: oc --context site-a auth whoami")
    scene = lab.primary()
    kubeconfig = write_kubeconfig(lab.folder / "away", {"site-a": "http://127.0.0.1:1"})
    scene.cluster = Once(lambda: Cluster("site-a", str(kubeconfig)))
    (away,) = server.check(scene)
    assert "Connection refused" in away.sentence
    assert away.fix == "oc --context site-a get --raw /version"


def test_whoever_has_no_login_is_not_taken_for_one_with_an_answering_server(lab: World) -> None:
    """The version is for everybody, and a kubeconfig's user may be empty."""
    lab.site_a.answers |= {
        "/version": {"gitVersion": "v1.34.1"},
        REVIEWS: (403, {"message": 'User "system:anonymous" cannot create resource "selfsubjectaccessreviews"'}),
    }
    answers, anonymous = server.check(lab.primary(cluster={"context": "site-a", "platform": "kubernetes"}))
    assert answers.state == "ok"
    assert (anonymous.state, "system:anonymous" in anonymous.sentence) == ("error", True)
    assert anonymous.fix.startswith("log in again as the user of context site-a")


def test_an_expired_login_is_not_taken_for_a_lack_of_rights(lab: World) -> None:
    for path in ("/version", DEPLOYMENTS, f"{SKUPPER}/namespaces/rhsi/sites", "/api/v1/namespaces/rhsi"):
        lab.site_a.answers[path] = (401, {"message": "Unauthorized"})
    checks = [Check(subject=one.__name__, look=one.check) for one in (controllers, names)]
    (unseen,) = run(lab.primary(), checks)
    assert unseen.state == "unknown"
    assert "Context site-a refuses this login: Unauthorized" in unseen.sentence


def test_rights_are_not_asked_for_to_the_end_where_the_server_falls_silent(lab: World) -> None:
    def falls_silent(_: dict[str, Any]) -> dict[str, Any]:
        lab.site_b.answers[REVIEWS] = (500, {"message": "etcdserver: request timed out"})
        return {"status": {"allowed": True}}

    lab.site_b.answers[REVIEWS] = falls_silent
    with pytest.raises(ClusterError, match="request timed out"):
        list(rights.check(lab.standby()))
    assert len(lab.site_b.asked) < 50


def test_kinds_that_the_settings_do_not_need_are_not_missed(lab: World) -> None:
    lab.site_a.answers[SKUPPER] = served("Site", "AccessGrant")
    assert told(kinds.check(lab.primary())) == [("ok", "Served as needed: Skupper 2.")]


def test_a_missing_kind_is_named_with_what_brings_it(lab: World) -> None:
    lab.site_b.answers[SKUPPER] = served("Site", "AccessToken")
    lab.site_b.answers["/apis/external-secrets.io"] = {"versions": [{"version": "v1beta1"}]}
    skupper, secrets = only(kinds.check(lab.standby()), "error")
    assert skupper.sentence == "Context site-b does not serve Link of skupper.io/v2alpha1 (Skupper 2)."
    assert "SecretStore, ExternalSecret of external-secrets.io/v1" in secrets.sentence
    assert "of external-secrets.io it serves v1beta1" in secrets.sentence
    assert "rhsi:operators.externalSecrets.enabled" in secrets.fix


def test_what_the_stacks_own_operators_bring_is_not_missed(lab: World) -> None:
    lab.site_a.answers["/apis/operators.coreos.com/v1alpha1"] = served("Subscription")
    lab.site_a.answers["/apis/operators.coreos.com/v1"] = served("OperatorGroup")
    found = list(kinds.check(lab.primary(operators={"skupper": {"enabled": True}})))
    assert ("ok", "Skupper 2 is not here yet: rhsi:operators.skupper installs it.") in told(found)
    assert not only(found, "error")


def test_databases_need_the_kinds_of_their_operator(lab: World) -> None:
    lab.site_a.answers[SKUPPER] = served("Site", "AccessGrant", "Connector", "Listener")
    edb = {"enabled": True, "operator": "community", "pooler": {"instances": 1}}
    (found,) = only(kinds.check(lab.primary(edb=edb)), "error")
    assert "Cluster, Publication, Subscription, Pooler of postgresql.cnpg.io/v1 (CloudNativePG)" in found.sentence


def deployment(
    name: str, ready: int = 1, args: list[str] | None = None, env: dict[str, str] | None = None
) -> dict[str, Any]:
    container = {"args": args or [], "env": [{"name": key, "value": value} for key, value in (env or {}).items()]}
    return {
        "metadata": {"name": name, "namespace": "skupper"},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"readyReplicas": ready},
    }


def test_a_controller_is_found_by_its_deployment(lab: World) -> None:
    lab.site_a.answers[DEPLOYMENTS] = {"items": [deployment("skupper-controller")]}
    assert told(controllers.check(lab.primary())) == [("ok", "Skupper's controller runs (skupper/skupper-controller).")]
    assert ("GET", f"{DEPLOYMENTS}?fieldSelector=metadata.name%3Dskupper-controller") in lab.site_a.asked


def scoped(deployed: dict[str, Any], **source: Any) -> dict[str, Any]:
    """The controller with the variable that names its namespace."""
    deployed["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "WATCH_NAMESPACE", **source})
    return deployed


def test_a_controller_of_another_namespace_is_none_of_this_stacks(lab: World) -> None:
    """Two teams' own controllers: neither works here, and the one without grants is nobody's mistake."""
    own = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
    lab.site_a.answers[DEPLOYMENTS] = {
        "items": [
            scoped(deployment("skupper-controller"), **own),
            deployment("other", args=["-watch-namespace", "shop"]),
        ]
    }
    (elsewhere,) = controllers.check(lab.primary())
    assert (elsewhere.state, elsewhere.sentence) == (
        "error",
        "Skupper's controller runs for other namespaces than rhsi only (skupper/skupper-controller, skupper/other).",
    )
    assert only(controllers.check_grants(lab.primary()), "error") == []
    here = deployment("skupper-controller", args=["-watch-namespace=rhsi", "-enable-grants"])
    lab.site_a.answers[DEPLOYMENTS] = {"items": [scoped(deployment("theirs"), **own), here]}
    (found,) = controllers.check(lab.primary())
    assert (found.state, "(skupper/skupper-controller)" in found.sentence) == ("ok", True)
    assert told(controllers.check_grants(lab.primary())) == [("ok", "skupper/skupper-controller gives grants.")]


def test_an_operator_of_the_database_that_olm_has_given_namespaces_works_there(lab: World) -> None:
    deployed = scoped(
        deployment("cnpg-controller-manager"),
        valueFrom={"fieldRef": {"fieldPath": "metadata.annotations['olm.targetNamespaces']"}},
    )
    metadata = deployed["spec"]["template"].setdefault("metadata", {})
    lab.site_a.answers[DEPLOYMENTS] = {"items": [deployed]}
    for targets, state in (("", "ok"), ("shop,db", "ok"), ("shop", "error")):
        metadata["annotations"] = {"olm.targetNamespaces": targets}
        found = list(controllers.check(lab.primary(edb={"enabled": True, "operator": "community"})))[1]
        assert found.state == state, targets


def test_a_controller_without_a_ready_pod_is_an_error(lab: World) -> None:
    lab.site_a.answers[DEPLOYMENTS] = {"items": [deployment("skupper-controller", ready=0)]}
    (found,) = controllers.check(lab.primary())
    assert (found.state, found.sentence) == (
        "error",
        "No pod of Skupper's controller is ready (skupper/skupper-controller).",
    )


def test_a_controller_that_nobody_sees_is_known_by_its_work_or_unknown(lab: World) -> None:
    lab.site_b.answers[DEPLOYMENTS] = (403, {"message": "forbidden"})
    site = {"status": {"controller": {"namespace": "openshift-operators", "name": "skupper-controller"}}}
    lab.site_b.answers[f"{SKUPPER}/namespaces/rhsi/sites/rhsi-standby"] = site
    skupper, secrets = controllers.check(lab.standby())
    assert skupper.state == "ok"
    assert "the Site rhsi-standby names openshift-operators/skupper-controller" in skupper.sentence
    assert secrets.state == "unknown"
    assert "may not list Deployments" in secrets.sentence
    assert secrets.fix == "oc --context site-b get deployments -A -l app.kubernetes.io/name=external-secrets"


def test_a_database_operator_is_known_by_its_cluster(lab: World) -> None:
    cluster = {"status": {"phase": "Cluster in healthy state"}}
    lab.site_a.answers["/apis/postgresql.cnpg.io/v1/namespaces/db/clusters/edb-site-a"] = cluster
    found = list(controllers.check(lab.primary(edb={"enabled": True, "operator": "community"})))[1]
    assert found.state == "ok"
    assert "the Cluster edb-site-a says 'Cluster in healthy state'" in found.sentence


@pytest.mark.parametrize(
    ("args", "env", "state"),
    [
        (["-enable-grants", "-grant-server-autoconfigure"], {}, "ok"),
        ([], {"SKUPPER_ENABLE_GRANTS": "true"}, "ok"),
        (["--enable-grants=false"], {"SKUPPER_ENABLE_GRANTS": "true"}, "error"),
        ([], {}, "error"),
    ],
)
def test_grants_are_on_where_arguments_or_variables_say_so(
    lab: World, args: list[str], env: dict[str, str], state: str
) -> None:
    lab.site_a.answers[DEPLOYMENTS] = {"items": [deployment("skupper-controller", args=args, env=env)]}
    (found,) = controllers.check_grants(lab.primary())
    assert found.state == state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"message": "AccessGrants are not enabled"}, "error"),
        ({"url": "https://host:443/uid", "ca": "pem", "code": "secret"}, "ok"),
        ({}, "unknown"),
    ],
)
def test_a_grant_tells_whether_grants_are_on(lab: World, status: dict[str, str], state: str) -> None:
    lab.site_a.answers[f"{SKUPPER}/namespaces/rhsi/accessgrants"] = {"items": [{"status": status}]}
    (found,) = controllers.check_grants(lab.primary())
    assert found.state == state
    assert "secret" not in found.sentence
    assert not list(controllers.check_grants(lab.standby()))


def test_a_login_with_all_rights_is_said_in_one_line(lab: World) -> None:
    lab.site_b.answers[REVIEWS] = {"status": {"allowed": True}}
    scene = lab.standby()
    wanted = needed_rights(scene.settings)
    assert told(rights.check(scene)) == [("ok", f"This login has all {len(wanted)} rights that these settings need.")]
    assert len([path for _, path in lab.site_b.asked if path == REVIEWS]) == len(wanted)


def test_missing_rights_are_named_verb_by_verb_with_the_command_that_asks_again(lab: World) -> None:
    def allowed(body: dict[str, Any]) -> dict[str, Any]:
        wanted = body["spec"].get("resourceAttributes", {})
        missing = wanted.get("resource") == "accesstokens" and wanted["verb"] in ("create", "watch")
        return {"status": {"allowed": not missing and wanted.get("name") != "rhsi-owner"}}

    lab.site_b.answers[REVIEWS] = allowed
    tokens, maps = rights.check(lab.standby())
    assert maps.sentence == "This login may not get, patch, delete (rhsi-owner) configmaps in namespace rhsi."
    assert tokens.sentence == "This login may not create, watch accesstokens.skupper.io in namespace rhsi."
    assert "oc --context site-b auth can-i create accesstokens.skupper.io -n rhsi" in tokens.fix
    assert "deploy/operator-rbac.yaml" in tokens.fix


def test_a_login_that_may_make_no_namespace_is_told_to_leave_that_to_the_administrators_file(lab: World) -> None:
    def allowed(body: dict[str, Any]) -> dict[str, Any]:
        wanted = body["spec"].get("resourceAttributes", {})
        return {"status": {"allowed": wanted.get("resource") != "namespaces" or wanted.get("name") == "kube-system"}}

    lab.site_b.answers[REVIEWS] = allowed
    (found,) = rights.check(lab.standby())
    assert found.sentence.startswith("This login may not create, list, watch")
    assert found.fix.startswith("pulumi config set --path 'rhsi:cluster.createNamespace' false -s site-b, for deploy/")
    given = {"context": "site-b", "apiServer": "https://b.example.com:6443", "createNamespace": False}
    assert [one.state for one in rights.check(lab.standby(cluster=given))] == ["ok"]


def pod(image: str, **state: Any) -> dict[str, Any]:
    return {
        "spec": {"containers": [{"name": "main", "image": image}]},
        "status": {"containerStatuses": [{"name": "main", **state}]},
    }


def test_an_image_that_a_pod_waits_for_is_an_error_and_one_that_runs_is_none(lab: World) -> None:
    scene = lab.standby(postgres={"enabled": True})
    waits = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image: unauthorized"}}
    lab.site_b.answers[PODS] = {
        "items": [
            pod(scene.settings.cli_image, imageID="", state={"terminated": {}}),
            pod(scene.settings.postgres_image, imageID="", state=waits),
        ]
    }
    pulled, failed = images.check(scene)
    assert pulled.state == "ok"
    assert failed.state == "error"
    assert "Back-off pulling image: unauthorized" in failed.sentence


def test_an_image_that_no_pod_has_is_unknown_with_the_command_that_tells(lab: World) -> None:
    lab.site_b.answers[PODS] = {"items": []}
    scene = lab.standby()
    (found,) = images.check(scene)
    assert found.state == "unknown"
    assert f"--image {scene.settings.cli_image}" in found.fix
    assert not list(images.check(lab.primary()))

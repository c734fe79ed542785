"""What a real API server refuses or does not have, and what the kubernetes provider says and does then."""

import pytest

from tests.lab.pulumi.site import READY, Site

pytestmark = pytest.mark.lab


def test_an_unknown_field_is_refused(site: Site) -> None:
    text = site.deployment.up('Widget("w", spec={"nonsense": 1}, opts=options())', code=1)
    assert "was not successfully created by the Kubernetes API server" in text
    assert "nonsense" in text
    assert site.find("Widget", "w") is None


def test_a_refused_update_is_tried_again(site: Site) -> None:
    site.deployment.up('Widget("w", spec={"size": 1}, opts=options())')
    text = site.deployment.up('Widget("w", spec={"size": "big"}, opts=options())', code=1)
    assert f'the Kubernetes API server reported that "{site.namespace}/w" failed to fully initialize' in text
    assert "~ 1 updated" in site.deployment.up('Widget("w", spec={"size": 2}, opts=options())')
    assert site.get("Widget", "w")["spec"] == {"size": 2}


def test_a_kind_that_is_not_served_is_previewed_and_refused(site: Site) -> None:
    program = """
    class Nope(pulumi.CustomResource):
        def __init__(self, name):
            metadata = {"name": name, "namespace": namespace}
            super().__init__(
                "kubernetes:nope.test/v1:Nope", name,
                {"apiVersion": "nope.test/v1", "kind": "Nope", "metadata": metadata}, options(),
            )

    Nope("n")
    """
    assert "+ 3 to create" in site.deployment.preview(program)


def test_another_managers_field_is_a_conflict_unless_forced(site: Site) -> None:
    site._client.resources.get(api_version="v1", kind="ConfigMap").create(
        body={"metadata": {"name": "cm"}, "data": {"x": "theirs"}}, namespace=site.namespace, field_manager="them"
    )
    text = site.deployment.up('config_map("cm", x="ours")', code=1)
    assert "server-side apply field conflict detected" in text
    assert 'conflict with "them"' in text
    site.deployment.up(
        """
        kubernetes.core.v1.ConfigMap(
            "cm", metadata={"name": "cm", "namespace": namespace, "annotations": {"pulumi.com/patchForce": "true"}},
            data={"x": "ours"}, opts=options(),
        )
        """
    )
    assert site.get("ConfigMap", "cm")["data"] == {"x": "ours"}


def test_an_object_read_by_id_must_exist(site: Site) -> None:
    site.deployment.up('Widget("w", opts=options())')
    site.set_status("Widget", "w", READY)
    program = 'Widget("w", opts=options()); pulumi.export("code", Existing("again", f"{namespace}/%s").status["code"])'
    site.deployment.up(program % "w")
    assert site.deployment.outputs() == {"code": "hush"}
    text = site.deployment.preview(program % "nope", code=1)
    assert f"error: Preview failed: resource '{site.namespace}/nope' does not exist" in text


def test_a_cluster_that_is_not_there_is_previewed_and_named(site: Site) -> None:
    program = """
    cluster = kubernetes.Provider("nowhere", kubeconfig="", context="nowhere", upsert_existing_objects=True)
    config_map("cm")
    """
    assert "+ 4 to create" in site.deployment.preview(program)
    text = site.deployment.up(program, code=1)
    assert "configured Kubernetes cluster is unreachable: unable to load Kubernetes client configuration" in text
    assert "nowhere" in text

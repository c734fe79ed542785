"""Objects of the kubernetes provider on a real API server: made, changed, replaced, drifted, destroyed."""

import json

import pytest

from components.operators.serving import FUNCTION, chart_options
from tests.lab.pulumi.site import Site

pytestmark = pytest.mark.lab


def test_a_preview_on_a_new_cluster_contacts_it_and_changes_nothing(site: Site) -> None:
    text = site.deployment.preview(
        """
        made = kubernetes.core.v1.Namespace("made", metadata={"name": f"{namespace}-made"}, opts=options())
        widget = Widget("w", opts=options(depends_on=[made]))
        inside = kubernetes.core.v1.ConfigMap(
            "inside", metadata={"name": "x", "namespace": made.metadata.name}, opts=options()
        )
        Existing("again", id=widget.id)
        pulumi.export("status", widget.status)
        pulumi.export("uid", inside.metadata.uid)
        pulumi.export("name", inside.metadata.name)
        """
    )
    assert "+ 5 to create" in text
    assert "status: [unknown]" in text
    assert 'name  : "x"' in text
    assert site.find("Widget", "w") is None
    assert site.find("Namespace", f"{site.namespace}-made") is None
    assert "resources" not in site.deployment.state()


def test_a_stack_is_made_left_alone_when_unchanged_and_destroyed(site: Site) -> None:
    program = """
    account = kubernetes.core.v1.ServiceAccount(
        "sa", metadata={"name": "sa", "namespace": namespace}, opts=options()
    )
    config_map("cm", account=account.metadata.name)
    kubernetes.core.v1.Secret(
        "secret", metadata={"name": "s", "namespace": namespace},
        string_data={"password": pulumi.Output.secret("hush")}, opts=options(),
    )
    root = kubernetes.core.v1.ConfigMap.get("root", "kube-public/kube-root-ca.crt", opts=options())
    pulumi.export("ca", root.data["ca.crt"])
    """
    site.deployment.up(program)
    assert site.get("ConfigMap", "cm")["data"] == {"account": "sa"}
    assert site.deployment.outputs()["ca"].startswith("-----BEGIN CERTIFICATE-----")
    state = (site.deployment.folder / "state" / ".pulumi" / "stacks" / "proj" / "dev.json").read_text()
    assert "hush" not in state
    assert "aHVzaA==" not in state
    site.deployment.up(None, "--expect-no-changes")
    site.deployment.destroy()
    assert site.find("ConfigMap", "cm") is None
    assert site.get("ConfigMap", "kube-root-ca.crt")
    assert "resources" not in site.deployment.state()


def test_what_kubectl_set_outlives_the_creation_that_takes_an_object_over_and_not_its_first_update(
    site: Site,
) -> None:
    for name, manager in (("by-hand", "kubectl-create"), ("by-another", "controller")):
        site.create("ConfigMap", name, manager, data={"theirs": "1"}, labels={"team": "a"})
    program = 'config_map("by-hand", mine="{0}"); config_map("by-another", mine="{0}")'
    site.deployment.up(program.format(1))
    assert site.get("ConfigMap", "by-hand")["data"] == {"theirs": "1", "mine": "1"}
    labelled = program.replace("mine=", 'labels={{"own": "b"}}, mine=')
    site.deployment.up(labelled.format(1))
    assert site.get("ConfigMap", "by-hand")["metadata"]["labels"] == {"own": "b"}
    assert site.get("ConfigMap", "by-another")["metadata"]["labels"] == {"team": "a", "own": "b"}
    assert site.get("ConfigMap", "by-another")["data"] == {"theirs": "1", "mine": "1"}
    site.deployment.destroy()


def test_a_custom_object_made_by_hand_is_imported_by_its_name_and_its_first_update_leaves_nothing_of_kubectls(
    site: Site,
) -> None:
    kind = {"apiVersion": "widgets.test/v1", "kind": "Widget"}
    site.create("Widget", "w", "kubectl-create", spec={"size": 1}, labels={"team": "a"})
    uid = site.get("Widget", "w")["metadata"]["uid"]
    provider = {"kubeconfig": "", "context": "site-a", "clusterIdentifier": "a", "upsertExistingObjects": "true"}
    widget = {"type": "kubernetes:widgets.test/v1:Widget", "name": "w", "id": f"{site.namespace}/w"}
    resources = [
        {"type": "pulumi:providers:kubernetes", "name": "cluster", "inputs": provider},
        {**widget, "provider": "cluster"},
    ]
    file = site.deployment.folder / "import.json"
    file.write_text(json.dumps({"resources": resources}))
    site.deployment.run("import", "--file", str(file), "--yes", "--skip-preview", "--generate-code=false")
    assert site.deployment.code == 0, site.deployment.text
    metadata = {"name": "w", "namespace": site.namespace}
    assert site.deployment.resource("w")["inputs"] == {**kind, "metadata": metadata}
    site.deployment.up('Widget("w", spec={"size": 2}, opts=options())')
    changed = site.get("Widget", "w")
    assert (changed["spec"], changed["metadata"]["uid"]) == ({"size": 2}, uid)
    assert "labels" not in changed["metadata"]
    site.deployment.destroy()


def test_a_name_is_made_up_and_kept(site: Site) -> None:
    program = """
    made = kubernetes.core.v1.ConfigMap(
        "auto", metadata={{"namespace": namespace}}, data={{"x": "{0}"}}, opts=options()
    )
    pulumi.export("name", made.metadata.name)
    """
    site.deployment.up(program.format(1))
    first = site.deployment.outputs()["name"]
    site.deployment.up(None, "--expect-no-changes")
    site.deployment.up(program.format(2))
    second = site.deployment.outputs()["name"]
    assert first.startswith("auto-")
    assert second != first
    assert site.find("ConfigMap", first) is None
    assert site.get("ConfigMap", second)["data"] == {"x": "2"}


def test_a_fixed_name_makes_room_and_a_new_name_comes_first(site: Site) -> None:
    program = 'config_map("fixed", x="{0}"); kubernetes.core.v1.ConfigMap("named", metadata={{"name": "named-{0}", '
    program += '"namespace": namespace}}, opts=options())'
    site.deployment.up(program.format(1))
    text = site.deployment.up(program.format(2))
    assert text.index("-- kubernetes:core/v1:ConfigMap fixed deleted original") < text.index(
        "++ kubernetes:core/v1:ConfigMap fixed created replacement"
    )
    assert text.index("++ kubernetes:core/v1:ConfigMap named created replacement") < text.index(
        "-- kubernetes:core/v1:ConfigMap named deleted original"
    )
    assert site.get("ConfigMap", "fixed")["data"] == {"x": "2"}
    assert site.find("ConfigMap", "named-1") is None


def test_labels_are_updated_in_place(site: Site) -> None:
    site.deployment.up('config_map("cm", labels={"a": "1", "b": "1"})')
    uid = site.get("ConfigMap", "cm")["metadata"]["uid"]
    site.deployment.up('config_map("cm", labels={"a": "2"})')
    metadata = site.get("ConfigMap", "cm")["metadata"]
    assert metadata["uid"] == uid
    assert metadata["labels"] == {"a": "2"}


def test_drift_is_found_by_refresh_and_repaired_by_up(site: Site) -> None:
    site.deployment.up('config_map("a", labels={"l": "1"}); config_map("b")')
    site.patch("ConfigMap", "a", {"metadata": {"labels": {"l": None, "foreign": "kept"}}})
    site.delete("ConfigMap", "b")
    site.deployment.up(None, "--expect-no-changes")
    text = site.deployment.run("refresh", "--yes", "--skip-preview")
    assert "~ 1 updated" in text
    assert "- 1 deleted" in text
    site.deployment.up()
    assert site.get("ConfigMap", "a")["metadata"]["labels"] == {"l": "1", "foreign": "kept"}
    assert site.get("ConfigMap", "b")


def test_an_object_that_exists_is_taken_over(site: Site) -> None:
    site.deployment.up('config_map("cm", x="1")')
    (site.deployment.folder / "state" / ".pulumi" / "stacks" / "proj" / "dev.json").unlink()
    site.deployment.run("stack", "init")
    site.deployment.up('config_map("cm", y="2")')
    assert site.get("ConfigMap", "cm")["data"]["y"] == "2"


def test_the_chart_that_asks_tells_what_the_cluster_serves(site: Site) -> None:
    program = f"""
    async def asked():
        options = pulumi.InvokeOptions(provider=cluster)
        return await pulumi.runtime.invoke_async({FUNCTION!r}, {{"jsonOpts": {chart_options()!r}}}, options)

    pulumi.export("found", pulumi.Output.from_input(asked()).apply(lambda found: found["result"][0]["data"]))
    """
    # The lab's clusters have OLM only when they began bare.
    assert "olm" in site.deployment.preview(program)
    site.deployment.up()
    assert site.deployment.outputs() == {"found": {"olm": "false"}}

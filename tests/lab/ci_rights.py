"""Credentials of the CI's jobs, with just what docs/ci.md gives them: deploy/ci-rbac.yaml, and its policy for Vault."""

import re
from pathlib import Path

import yaml

from lab.environment import Environment
from lab.home import CHECKOUT
from lab.kube import connect
from tests.lab import operator_rights

NAMESPACE = "rhsi-ci"
_POLICY = re.compile(r"vault policy write rhsi-drift - <<'EOF'\n(.*?)^EOF$", re.DOTALL | re.MULTILINE)


def grant(environment: Environment) -> None:
    """Apply deploy/ci-rbac.yaml on each cluster, where deploy/operator-rbac.yaml is applied."""
    text = (CHECKOUT / "deploy" / "ci-rbac.yaml").read_text()
    for context in environment.contexts:
        resources = connect(context).resources
        for manifest in yaml.safe_load_all(text):
            metadata = manifest["metadata"]
            resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"]).server_side_apply(
                body=manifest, name=metadata["name"], namespace=metadata.get("namespace"), field_manager="administrator"
            )


def credentials(environment: Environment, folder: Path, job: str) -> dict[str, str]:
    """Variables for one of the jobs, `preview` or `drift`, as its environment sets them."""
    kubeconfig = yaml.safe_load(Path(environment.kubeconfig).read_text())
    kubeconfig["users"] = []
    for context in environment.contexts:
        operator_rights.log_in(kubeconfig, context, f"rhsi-ci-{job}", NAMESPACE)
    file = folder / f"kubeconfig-{job}"
    file.write_text(yaml.safe_dump(kubeconfig))
    token = (
        operator_rights.token_with(environment, "rhsi-drift", policy())
        if job == "drift"
        else operator_rights.token_with(environment, "default", "")
    )
    return {"KUBECONFIG": str(file), "VAULT_TOKEN": token}


def policy() -> str:
    """The policy that docs/ci.md writes for the drift job."""
    found = _POLICY.search((CHECKOUT / "docs" / "ci.md").read_text())
    assert found, "docs/ci.md writes the policy rhsi-drift"
    return found[1]

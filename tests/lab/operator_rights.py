"""Credentials with exactly the rights of deploy/: what an administrator hands to the person or CI that runs `up`."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import hvac
import yaml
from kubernetes.client import AuthenticationV1TokenRequest, CoreV1Api, V1TokenRequestSpec

from lab.environment import Environment
from lab.home import CHECKOUT
from lab.kube import api_client, connect
from tests.lab.checkout import Checkout
from tests.lab.waiting import until

ACCOUNT = "rhsi-operator"
POLICY = "pulumi-rhsi"
MADE = "rhsi-test=administrator"
FOR_EACH_STANDBY = "# ---- For each standby ----"
TOKEN_SECONDS = 3600


def operator(
    environment: Environment, folder: Path, namespaces: dict[str, list[str]], standbys: Sequence[str] = ("site-b",)
) -> Environment:
    """The same lab, seen with the operator's rights on both clusters and in Vault.

    Args:
        environment: the lab as its administrator sees it.
        folder: where kubeconfig and Vault token go.
        namespaces: context -> namespaces in which the operator may work.
        standbys: the sites that may link.
    """
    kubeconfig = yaml.safe_load(Path(environment.kubeconfig).read_text())
    grant(namespaces)
    for context in namespaces:
        log_in(kubeconfig, context, ACCOUNT, ACCOUNT)
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig))
    token_file = folder / "vault-token"
    token_file.write_text(vault_token(environment, standbys))
    return dataclasses.replace(environment, kubeconfig=str(file), vault_token_file=token_file)


def leave_namespaces(checkout: Checkout) -> None:
    """Set what the head of operator-rbac.yaml demands: the administrator makes the namespaces, and they stay."""
    for stack in checkout.stacks():
        checkout.change(stack.name, "cluster.createNamespace", False)
        checkout.change(stack.name, "edb.createNamespace", False)


def withdraw(contexts: Iterable[str]) -> None:
    """Delete the namespaces that were made for the operator, and wait until they are gone."""
    for context in contexts:
        namespaces = connect(context).resources.get(api_version="v1", kind="Namespace")
        for namespace in namespaces.get(label_selector=MADE).items:
            namespaces.delete(name=namespace.metadata.name)
        until(lambda: not namespaces.get(label_selector=MADE).items)  # noqa: B023 -- called at once


def grant(namespaces: dict[str, list[str]]) -> None:
    """Give the operator its rights in these namespaces, and make them."""
    for context, names in namespaces.items():
        for name in names:
            _grant(context, name)


def _grant(context: str, namespace: str) -> None:
    """Apply deploy/operator-rbac.yaml as its head says: with the namespace in the place of `rhsi`."""
    client = connect(context)
    _is_not_going(context, namespace)
    text = (CHECKOUT / "deploy" / "operator-rbac.yaml").read_text()
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": ACCOUNT}}
    own_namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ACCOUNT}}
    for manifest in [own_namespace, account, *yaml.safe_load_all(text)]:
        metadata = manifest["metadata"]
        if manifest["kind"] == "Namespace":
            metadata["labels"] = dict([MADE.split("=")])
            metadata["name"] = namespace if metadata["name"] == "rhsi" else metadata["name"]
        if metadata.get("namespace") == "rhsi":
            metadata["namespace"] = namespace
        if metadata["name"] == "rhsi-operator-cluster":
            # Cluster-scoped: one for each namespace, or the second would take the place of the first.
            metadata["name"] = f"rhsi-operator-cluster-{namespace}"
            for rule in manifest.get("rules", []):
                renamed = {
                    "rhsi": namespace,
                    "rhsi-vault-reader-rhsi-auth-delegator": f"rhsi-vault-reader-{namespace}-auth-delegator",
                }
                rule["resourceNames"] = [renamed.get(name, name) for name in rule.get("resourceNames", [])]
            if "roleRef" in manifest:
                manifest["roleRef"]["name"] = metadata["name"]
        client.resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"]).server_side_apply(
            body=manifest,
            name=metadata["name"],
            namespace=metadata.get("namespace"),
            field_manager="administrator",
            # What a test before has widened is again what the file says.
            force_conflicts=True,
        )


def _is_not_going(context: str, namespace: str) -> None:
    """Wait until a namespace that the tests before have deleted is gone; in one that is going nothing can be made."""
    namespaces = connect(context).resources.get(api_version="v1", kind="Namespace")
    until(
        lambda: all(
            found.status.phase != "Terminating"
            for found in namespaces.get(field_selector=f"metadata.name={namespace}").items
        )
    )


def log_in(kubeconfig: dict[str, Any], context: str, account: str, namespace: str) -> None:
    """Let a context of a kubeconfig be a service account's, with a token of an hour."""
    body = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[], expiration_seconds=TOKEN_SECONDS))
    answer = CoreV1Api(api_client(context)).create_namespaced_service_account_token(account, namespace, body)
    assert answer.status
    (entry,) = [entry for entry in kubeconfig["contexts"] if entry["name"] == context]
    entry["context"]["user"] = f"{account}-{context}"
    kubeconfig["users"].append({"name": f"{account}-{context}", "user": {"token": str(answer.status.token)}})


def policy(standbys: Sequence[str]) -> str:
    """deploy/operator-policy.hcl as its head says: its last part once for each standby, with that one's name."""
    common, _, one = (CHECKOUT / "deploy" / "operator-policy.hcl").read_text().partition(FOR_EACH_STANDBY)
    return "".join([common, *(one.replace("site-b", standby) for standby in standbys)])


def vault_token(environment: Environment, standbys: Sequence[str] = ("site-b",)) -> str:
    """A token with that policy."""
    return token_with(environment, POLICY, policy(standbys))


def token_with(environment: Environment, name: str, rules: str) -> str:
    """A token with a policy of that name, which is written first where it has rules."""
    client = hvac.Client(
        url=environment.vault_addr, token=environment.vault_token, verify=str(environment.vault_cacert)
    )
    if rules:
        client.sys.create_or_update_policy(name, rules)
    return str(client.auth.token.create(policies=[name], ttl=f"{TOKEN_SECONDS}s")["auth"]["client_token"])

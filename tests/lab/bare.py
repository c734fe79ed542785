"""A lab of its own that begins with nothing but OLM, and two stacks on it with the rights of deploy/ and no more."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.dynamic.exceptions import NotFoundError

from lab import environment
from lab.environment import CONTEXTS, Environment
from lab.home import Home
from lab.kube import Manifest, connect
from lab.stand_ins.controller.api import Api, Kind
from lab.stand_ins.controller.kinds import DEFINITION
from lab.stand_ins.olm.kinds import CSV, SUBSCRIPTION
from tests.conftest import LABS
from tests.lab import operator_rights
from tests.lab.checkout import Checkout

OPERATORS = "rhsi-operators"
PATIENCE = "SETTLED=15"
"""How long the program's wait lets OLM be wrong, as it stands in the script."""

_COMMAND = re.compile(r"`(kubectl [^`]+)`")


@dataclass
class Bare:
    """The lab, its administrator's clients, and the checkout of the stacks."""

    environment: Environment
    checkout: Checkout

    def api(self, context: str) -> Api:
        """The administrator's way to a cluster."""
        return Api(connect(context, self.environment.kubeconfig, discover=False), "administrator")

    def groups(self, context: str) -> set[str]:
        """The API groups that definitions serve there."""
        return {one["spec"]["group"] for one in self.api(context).list(DEFINITION)}

    def versions(self, context: str, namespace: str = "openshift-operators") -> dict[str, str]:
        """CSV -> phase."""
        found = self.api(context).list(CSV, namespace)
        return {one["metadata"]["name"]: (one.get("status") or {}).get("phase", "") for one in found}

    def subscriptions(self, context: str) -> set[str]:
        """The names of all OLM Subscriptions."""
        return {one["metadata"]["name"] for one in self.api(context).list(SUBSCRIPTION)}

    def present(self, context: str, kind: Kind, namespace: str | None, name: str) -> Manifest | None:
        """The object; None too where nobody serves its kind."""
        try:
            return self.api(context).get(kind, namespace, name)
        except NotFoundError:
            return None

    def refused(self, stack: str) -> str:
        """What an `up` says that must fail, in words."""
        done = self.checkout.run("up", stack)
        assert done.code != 0, done.text
        assert "Traceback" not in done.text, done.text
        return " ".join(done.text.split())

    def obey(self, context: str, sentence: str, verb: str) -> None:
        """Run the kubectl command of that verb that a sentence tells, as a person would, on a cluster."""
        line = next(found for found in _COMMAND.findall(sentence) if f" {verb} " in found)
        arguments = ["--kubeconfig", self.environment.kubeconfig, "--context", context, *shlex.split(line)[1:]]
        subprocess.run([str(Path(sys.executable).with_name("kubectl")), *arguments], check=True)


@contextmanager
def bare_lab(root: Path, folder: Path) -> Iterator[Bare]:
    """Start one, beside the worker's own; `root` takes the checkout, `folder` the credentials."""
    home = Home(Path(os.environ[LABS], f"bare-{os.environ.get('PYTEST_XDIST_WORKER', 'only')}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHSI_LAB_HOME", str(home.root))
        try:
            found = environment.start(home, bare=True)
            patch.setenv("KUBECONFIG", found.kubeconfig)
            rights = operator_rights.operator(found, folder, {context: ["rhsi"] for context in CONTEXTS})
            checkout = Checkout.copy(root, rights)
            operator_rights.leave_namespaces(checkout)
            bare = Bare(found, checkout)
            for context in CONTEXTS:
                _allow_operators(bare.api(context))
            _hasten(checkout)
            yield bare
        finally:
            environment.stop(home)


def _allow_operators(api: Api) -> None:
    """The binding that deploy/operator-rbac.yaml has in comments."""
    rbac = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": operator_rights.ACCOUNT, "namespace": operator_rights.ACCOUNT}
    body: dict[str, Any] = {
        "metadata": {"name": OPERATORS},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": OPERATORS},
        "subjects": [account],
    }
    api.create(Kind(f"{rbac}/v1", "ClusterRoleBinding", "clusterrolebindings"), None, body)


def _hasten(checkout: Checkout) -> None:
    """Less patience with OLM's errors: the stand-in's first word is its last, within two seconds."""
    script = checkout.root / "components" / "operators" / "await_operator.sh"
    text = script.read_text()
    assert PATIENCE in text
    script.write_text(text.replace(PATIENCE, "SETTLED=4"))

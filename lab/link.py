"""The wire between the sites, cut and restored: to try what an outage of the network does to what crosses it.

Owns the annotation on the Links. What it does to them is the business of lab/stand_ins/skupper/survey.py: they are
not operational and their connections are reset, as if the primary's router did not answer any more.
"""

from collections.abc import Sequence

from lab.environment import Environment
from lab.home import LabError
from lab.kube import connect
from lab.stacks import Stack
from lab.stand_ins.controller.api import Api
from lab.stand_ins.skupper.api import CUT, LINK
from lab.status.clusters import answering


def cut(environment: Environment, standbys: Sequence[Stack]) -> list[str]:
    """Cut all Links of these standbys; returns their names. A Link that is made later is whole.

    Raises:
        LabError: the Skupper of the clusters is none of the lab's, or there is no Link, or an API server is dead.
    """
    return _annotate(environment, standbys, "true")


def restore(environment: Environment, standbys: Sequence[Stack]) -> list[str]:
    """Restore all Links of these standbys; returns their names.

    Raises:
        LabError: as `cut`.
    """
    return _annotate(environment, standbys, None)


def _annotate(environment: Environment, standbys: Sequence[Stack], value: str | None) -> list[str]:
    if "skupper" in environment.without:
        raise LabError("The lab runs without its own Skupper: cut the network between the clusters instead.")
    found: list[str] = []
    for standby in standbys:
        api = Api(connect(standby.context, environment.kubeconfig, discover=False), "lab")
        with answering(environment, standby):
            for link in api.list(LINK, standby.namespace):
                name = link["metadata"]["name"]
                api.patch(LINK, standby.namespace, {"metadata": {"name": name, "annotations": {CUT: value}}})
                found.append(name)
    if not found:
        raise LabError(f"There is no Link on {', '.join(stack.name for stack in standbys)}: run `make up` first.")
    return found

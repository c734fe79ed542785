"""The wire between the sites, cut and mended: for trying what an outage of the network does to what crosses it.

Owns the annotation on the Links. What it does to them is the business of lab/stand_ins/skupper/survey.py: they
are not operational and their connections are reset, as if the primary's router did not answer any more.
"""

from collections.abc import Sequence

from lab.environment import Environment
from lab.home import LabError
from lab.kube import connect
from lab.stacks import Stack
from lab.stand_ins.skupper.api import LINK
from lab.stand_ins.skupper.survey import CUT


def cut(environment: Environment, standbys: Sequence[Stack]) -> list[str]:
    """Cut all Links of these standbys; returns their names. A Link that is made later is whole.

    Raises:
        LabError: the Skupper of the clusters is none of the lab's, or there is no Link.
    """
    return _annotate(environment, standbys, "true")


def restore(environment: Environment, standbys: Sequence[Stack]) -> list[str]:
    """Mend all Links of these standbys; returns their names.

    Raises:
        LabError: as `cut`.
    """
    return _annotate(environment, standbys, None)


def _annotate(environment: Environment, standbys: Sequence[Stack], value: str | None) -> list[str]:
    if "skupper" in environment.without:
        raise LabError("The lab runs without its own Skupper: cut the network between the clusters instead.")
    found = []
    for standby in standbys:
        client = connect(standby.context, environment.kubeconfig)
        links = client.resources.get(api_version=LINK.api_version, kind=LINK.name)
        for link in links.get(namespace=standby.namespace).items:
            body = {"metadata": {"name": link.metadata.name, "annotations": {CUT: value}}}
            links.patch(body=body, namespace=standby.namespace, content_type="application/merge-patch+json")
            found.append(str(link.metadata.name))
    if not found:
        raise LabError(f"There is no Link on {', '.join(stack.name for stack in standbys)}: run `make up` first.")
    return found

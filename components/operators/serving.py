"""Whether a cluster has OLM: asked of the cluster, in a preview too.

A read of OLM's definitions would end the run where they are missing, before the program could say a word, and needs
rights on definitions. The provider's function that renders Helm charts tells the chart what the cluster serves
(pulumi-kubernetes:provider/pkg/provider/invoke_helm_template.go, setKubeVersionAndAPIVersions), for which every account
has the right. So the chart beside this module is rendered, never installed, and its one ConfigMap is the answer.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pulumi

from components.operators.packages import Package

FUNCTION = "kubernetes:helm:template"
CHART = Path(__file__).parent / "discovery"


class NoOlmError(pulumi.RunError):
    """A cluster without OLM, in one sentence that names what installs each operator there."""


def chart_options() -> str:
    """The function's argument."""
    return json.dumps({"chart": CHART.name, "path": str(CHART.parent), "release_name": CHART.name})


async def has_olm(component: pulumi.Resource) -> bool:
    """Whether the cluster of a component's provider serves OLM's Subscriptions."""
    options = pulumi.InvokeOptions(parent=component)
    found = await pulumi.runtime.invoke_async(FUNCTION, {"jsonOpts": chart_options()}, options)
    (served,) = found["result"]
    return bool(served["data"]["olm"] == "true")


def refusal(packages: Iterable[Package]) -> str:
    """What to do on a cluster without OLM."""
    ways = "; ".join(f"{package.title} by {package.without_olm}" for package in packages)
    return (
        "rhsi:operators needs OLM, and this cluster does not serve subscriptions.operators.coreos.com: remove "
        f"rhsi:operators from the settings and install {ways}."
    )


def olm(component: pulumi.Resource, packages: Iterable[Package], *, cluster: pulumi.Output[str]) -> pulumi.Output[None]:
    """A gate that only a cluster with OLM passes.

    Args:
        component: whose provider asks.
        packages: what is to be installed.
        cluster: known once the cluster has answered. One that does not would seem to serve nothing.

    Raises:
        NoOlmError: as an error of the output.
    """
    wanted = list(packages)

    async def look(_: str) -> None:
        if not await has_olm(component):
            raise NoOlmError(refusal(wanted))

    return cluster.apply(look)

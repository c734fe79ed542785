"""Skupper's network observer: a page that shows all sites of the network, and what crosses it.

Owns the NetworkObserver only. Its operator makes the rest by Skupper's Helm chart (skupper:charts/network-observer),
whose values the spec is: Deployment, Service, certificate, login, on OpenShift a Route. The product's defaults differ
from the chart's, so what matters is set in any case.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import NETWORK_OBSERVER, ROUTE, ExistingObject, KubernetesObject

# The chart names everything after it, for the chart's own name is in it (templates/_helpers.tpl, fullname).
OBSERVER = "network-observer"
PASSWORD_SECRET = f"{OBSERVER}-auth"
# Labels of its pods: the names of the chart and of its release, which is the object's (templates/_helpers.tpl).
OBSERVER_PODS = {"app.kubernetes.io/name": "network-observer", "app.kubernetes.io/instance": OBSERVER}
# Where the login before its page listens, whichever that is (templates/_deployment.yaml).
PAGE_PORT = 8443


@dataclass(frozen=True, kw_only=True)
class NetworkObserverArgs:
    """An observer.

    Attributes:
        namespace: of the Skupper site, whose router tells it everything.
        openshift: whether the cluster gives it a Route, its certificate and its login; else it is a Service with a
            certificate of the site and a password of its own.
    """

    namespace: str
    openshift: bool


def network_observer_spec(args: NetworkObserverArgs) -> dict[str, Any]:
    """Values of the Helm chart."""
    return {
        "route": {"enabled": args.openshift},
        "auth": {"strategy": "openshift" if args.openshift else "basic"},
        "tls": {"openshiftIssued": args.openshift, "skupperIssued": not args.openshift},
    }


class NetworkObserver(Component):
    """The NetworkObserver, awaited until its operator has deployed it.

    `url` is where people find it, on OpenShift by its Route, elsewhere within the cluster. `secret` names the Secret
    with the login; it is empty on OpenShift, where people log in as to the cluster.
    """

    url: pulumi.Output[str]
    secret: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkObserverArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the Site and for the operator."""
        super().__init__("rhsi:index:NetworkObserver", name, opts)
        observer = KubernetesObject(
            f"{name}-observer",
            NETWORK_OBSERVER,
            metadata={"name": OBSERVER, "namespace": args.namespace},
            spec=network_observer_spec(args),
            opts=self.child(),
        )
        if args.openshift:
            route = ExistingObject(
                f"{name}-route", ROUTE, object_id=once(observer, f"{args.namespace}/{OBSERVER}"), opts=self.child()
            )
            self.url = route.spec.apply(lambda spec: f"https://{spec['host']}")
            self.secret = pulumi.Output.from_input("")
        else:
            self.url = once(observer, f"https://{OBSERVER}.{args.namespace}.svc")
            self.secret = once(observer, PASSWORD_SECRET)
        self.register_outputs({"url": self.url, "secret": self.secret})

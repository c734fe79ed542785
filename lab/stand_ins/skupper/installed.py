"""Skupper's operators where OLM installs them: the controller and the network observer's, each by its Deployment.

Owns which Deployment stands for which, and that the controller's namespace is the Deployment's.
"""

import logging
from dataclasses import replace

from lab.stand_ins.controller.installed import Found, Installed
from lab.stand_ins.network_observer.operator import Observers
from lab.stand_ins.skupper.cluster import Options
from lab.stand_ins.skupper.controller import Controller
from lab.stand_ins.skupper.network import Network

CONTROLLER = "skupper-controller"
OBSERVER = "network-observer-operator-controller-manager"


class InstalledController(Installed):
    """The controller of one kubeconfig context, while it is installed.

    What a controller has told its routers holds on after its end: the network keeps its sites and their Services.
    """

    def __init__(self, context: str, options: Options, network: Network) -> None:
        self._options = options
        self._network = network
        self._last: Controller | None = None
        super().__init__(context, {CONTROLLER: CONTROLLER}, self._controller, logging.getLogger(f"skupper.{context}"))

    def service_address(self, namespace: str, name: str) -> str | None:
        """The ClusterIP of a Service; None where there is none."""
        return self._last.service_address(namespace, name) if self._last else None

    def _controller(self, found: frozenset[Found]) -> Controller:
        options = replace(self._options, namespace=min(found).namespace)
        self._last = Controller(self.context, options, self._network)
        return self._last


def installed_observers(context: str) -> Installed:
    """The network observer's operator of one kubeconfig context, while it is installed."""
    log = logging.getLogger(f"network-observer.{context}")
    return Installed(context, {OBSERVER: OBSERVER}, lambda _: Observers(context, define=False), log)

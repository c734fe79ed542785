"""The lab's plugins by name, run in this process: `kubernetes`, `vault` and the language host `python`."""

import threading
from collections.abc import Sequence
from pathlib import Path

from lab.pulumi.installation import LANGUAGE_HOST, PACKAGES
from lab.pulumi.lazy import load
from lab.pulumi.protocol import language_pb2_grpc, provider_pb2_grpc
from lab.pulumi.serving import serve

PLUGINS = (*PACKAGES, LANGUAGE_HOST)
# What the packages load when they first contact a server.
CLIENTS = ("kubernetes.config", "kubernetes.dynamic", "hvac.adapters", "requests.exceptions")


def preload() -> None:
    """Import what the plugins need, so that a fork has it."""
    for module in (
        "lab.pulumi.language_host",
        "lab.pulumi.kubernetes.package",
        "lab.pulumi.vault.package",
        *CLIENTS,
    ):
        load(module)


def run(plugin: str, arguments: Sequence[str], stopped: threading.Event) -> int:
    """Serve a plugin until `stopped`; its exit code.

    Args:
        plugin: of PLUGINS.
        arguments: for the language host the path of Pulumi's executor, then what `pulumi` passes: the address of the
            engine last, where it gives one.
        stopped: set when it is to end.
    """
    # Each branch imports what it serves, so that the language host, which starts first, loads no client.
    if plugin == LANGUAGE_HOST:
        from lab.pulumi.language_host import LanguageHost

        executor, *passed = arguments
        host = LanguageHost(Path(executor), _engine(passed))
        serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server), stopped)
        host.stop()
        return 0
    from lab.pulumi.plugin import Package, Plugin

    package: Package
    if plugin == "kubernetes":
        from lab.pulumi.kubernetes.package import KubernetesPackage

        package = KubernetesPackage()
    else:
        from lab.pulumi.vault.package import VaultPackage

        package = VaultPackage()
    served = Plugin(package, _engine(arguments))
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(served, server), stopped)
    return 0


def _engine(arguments: Sequence[str]) -> str:
    """The engine's address among `pulumi`'s arguments; flags come before it."""
    return next((word for word in reversed(arguments) if not word.startswith("-")), "")

"""The parts of a lab and the order in which they start: what does not need one another starts at the same time.

Owns the choice of parts and the threads. What a part is, is its own module's business.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from lab import binaries
from lab.binaries.definitions import external_secrets_definitions, olm_definitions
from lab.binaries.postgresql import postgresql
from lab.home import LabError
from lab.kube import connect
from lab.servers import PARTS, object_store
from lab.servers.clusters import OwnClusters
from lab.servers.existing import ExistingClusters, ExistingVault
from lab.servers.external_secrets import define, external_secrets
from lab.servers.kubelet import PROGRAM as KUBELET
from lab.servers.openbao import OpenBao
from lab.servers.stand_ins import OPTIONS, router, stand_in
from lab.servers.supervisor import InterruptedStartError, Supervisor
from lab.stand_ins.cnpg import crds as cnpg
from lab.stand_ins.cnpg.kinds import MANAGER as CNPG
from lab.stand_ins.controller.api import Api
from lab.stand_ins.controller.definitions import install
from lab.stand_ins.network_observer import crds as network_observer
from lab.stand_ins.olm import manifests as olm
from lab.stand_ins.olm.kinds import MANAGER as OLM
from lab.stand_ins.skupper import crds as skupper
from lab.stand_ins.skupper.api import MANAGER as SKUPPER

PROGRAMS = {
    "clusters": ("etcd", "kube-apiserver", "kube-controller-manager"),
    "vault": ("bao",),
    "eso": ("external-secrets",),
    **dict.fromkeys(OPTIONS, ()),
}
EXTERNAL_SECRETS = "external_secrets"
"""The stand-in of the operator by which the part eso comes to a bare lab."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Where everything is, once all parts are ready; the fields mean what they mean in `Environment`."""

    kubeconfig: str
    api_servers: dict[str, str]
    api_authorities: dict[str, str]
    vault_addr: str
    vault_cacert: Path | None
    vault_token_file: Path | None


class Start:
    """One start of the parts of a lab; a part that runs already is only looked at."""

    def __init__(
        self, supervisor: Supervisor, without: frozenset[str], contexts: Sequence[str], *, bare: bool = False
    ) -> None:
        """`bare`: whether the clusters begin with nothing but OLM, which installs what the other parts stand for."""
        self._supervisor = supervisor
        self._contexts = tuple(contexts)
        self._bare = bare
        self._parts = frozenset(PARTS) - without - (frozenset() if bare else {"olm"})
        # External Secrets serves the standby sites; with a single cluster, that one.
        self._secret_contexts = self._contexts[1:] or self._contexts

    def run(self) -> Addresses:
        """Start what is missing and say where it is.

        Raises:
            LabError: the first reason for which a part could not start; the other starts have been given up by then.
        """
        progress = self._supervisor.progress
        names = [name for part in PARTS if part in self._parts for name in PROGRAMS[part]]
        if {"clusters", "pods"} <= self._parts:
            names.append(KUBELET)
        self._programs = binaries.locate([*names, "kubectl"], progress)
        if {"pods", "cnpg"} & self._parts:
            # Here somebody sees the progress; they themselves would bring it when the first pod asks for it.
            postgresql(progress)
        self._definitions = external_secrets_definitions(progress) if "eso" in self._parts else []
        self._olm = [*olm_definitions(progress), *olm.definition()] if "olm" in self._parts else []
        self._clusters = self._own_or_existing_clusters()
        vault = OpenBao(self._supervisor, self._programs["bao"]) if "vault" in self._parts else ExistingVault()
        with ThreadPoolExecutor() as threads:
            together = _Together(threads, self._supervisor)
            try:
                together.begin(vault.start)
                together.finish(together.begin(self._clusters.start_api))
                # The garbage collector learns of kinds that come after it only half a minute later.
                together.finish(*(together.begin(partial(self._define, context)) for context in self._contexts))
                for actor in self._actors():
                    together.begin(actor)
                together.finish()
            except BaseException:
                self._supervisor.give_up()
                raise
        return Addresses(
            kubeconfig=self._clusters.kubeconfig,
            api_servers={context: self._clusters.url(context) for context in self._contexts},
            api_authorities={context: self._clusters.authority(context) for context in self._contexts},
            vault_addr=vault.address,
            vault_cacert=vault.authority,
            vault_token_file=vault.token_file,
        )

    def _own_or_existing_clusters(self) -> OwnClusters | ExistingClusters:
        if "clusters" in self._parts:
            return OwnClusters(self._supervisor, self._contexts, self._programs)
        return ExistingClusters(self._supervisor.home, self._contexts, self._programs["kubectl"])

    def _define(self, context: str) -> None:
        """Create the kinds of the parts that act in this cluster."""
        client = connect(context, self._clusters.kubeconfig, discover=False)
        try:
            if "skupper" in self._parts:
                install(Api(client, SKUPPER), network_observer.routes())
            if self._bare:
                install(Api(client, OLM), self._olm)
                return
            if "skupper" in self._parts:
                install(Api(client, SKUPPER), [*skupper.definitions(), *network_observer.definitions()])
            if "cnpg" in self._parts:
                install(Api(client, CNPG), cnpg.definitions())
            if "eso" in self._parts and context in self._secret_contexts:
                define(Api(client, "lab"), context, self._definitions, self._supervisor)
        except (ApiException, HTTPError) as error:
            reason = f"{error.status} {error.reason}" if isinstance(error, ApiException) else str(error)
            raise LabError(
                f"The custom resource definitions of the lab's parts cannot be created in {context} ({reason}): "
                "they need an administrator, or leave out the parts skupper, cnpg and eso."
            ) from error

    def _actors(self) -> list[Callable[[], object]]:
        """What acts in the clusters, once API servers and kinds are there."""
        actors: list[Callable[[], object]] = [self._clusters.start_controllers]
        if "eso" in self._parts and self._bare:
            actors.append(partial(self._stand_in, EXTERNAL_SECRETS))
        elif "eso" in self._parts:
            actors += [partial(self._external_secrets, context) for context in self._secret_contexts]
        actors += [partial(self._stand_in, name) for name in OPTIONS if name in self._parts]
        if self._supervisor.find(object_store.NAME):
            # A stack has asked for it; its content went with the process.
            actors.append(lambda: object_store.ensure(self._supervisor))
        if "skupper" in self._parts:
            actors.append(lambda: self._supervisor.ensure(lambda: router(self._supervisor)))
        return actors

    def _external_secrets(self, context: str) -> None:
        kubeconfig, program = self._clusters.kubeconfig_of(context), self._programs["external-secrets"]
        self._supervisor.ensure(lambda: external_secrets(context, kubeconfig, self._supervisor, program))

    def _stand_in(self, name: str) -> None:
        kubeconfig, kubelets = self._clusters.kubeconfig, {}
        if name == "pods" and isinstance(self._clusters, OwnClusters):
            # Before the runner of pods, which tells the API servers of their ports. Clusters of others have kubelets.
            kubelets = self._clusters.start_kubelets()
        if name == EXTERNAL_SECRETS:
            for context in self._contexts:
                self._clusters.kubeconfig_of(context)
        self._supervisor.ensure(
            lambda: stand_in(name, self._contexts, kubeconfig, self._supervisor, kubelets, bare=self._bare)
        )


class _Together:
    """Jobs that run at the same time; the first that fails makes the others end, and its error is the one to tell."""

    def __init__(self, threads: ThreadPoolExecutor, supervisor: Supervisor) -> None:
        self._threads = threads
        self._supervisor = supervisor
        self._begun: list[Future[None]] = []

    def begin(self, job: Callable[[], object]) -> Future[None]:
        """Run the job in a thread."""

        def run() -> None:
            try:
                job()
            except BaseException:
                self._supervisor.give_up()
                raise

        future = self._threads.submit(run)
        self._begun.append(future)
        return future

    def finish(self, *awaited: Future[None]) -> None:
        """Wait for these jobs, or for all."""
        wait(awaited or self._begun)
        if not any(future.exception() for future in awaited or self._begun):
            return
        wait(self._begun)
        errors = [error for future in self._begun if (error := future.exception())]
        raise next((error for error in errors if not isinstance(error, InterruptedStartError)), errors[0])

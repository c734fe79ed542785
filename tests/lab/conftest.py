"""The lab that the slow tests of a worker share, apart from the user's own, and what a module or a test has of it."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import environment
from lab.environment import Environment
from lab.home import Home
from tests.conftest import LABS
from tests.lab import operator_rights
from tests.lab.checkout import Checkout
from tests.lab.lab import Lab
from tests.lab.linked_sites import LinkedSites, Stage


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of this worker: RHSI_LAB_HOME and KUBECONFIG name it, and it is gone afterwards."""
    home = Home(Path(os.environ[LABS], os.environ.get("PYTEST_XDIST_WORKER", "only")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHSI_LAB_HOME", str(home.root))
        try:
            found = environment.start(home)
            patch.setenv("KUBECONFIG", found.kubeconfig)
            assert found.vault_cacert, "the lab's own Vault has an authority of its own"
            yield Lab(
                home=home,
                environment=found,
                kubeconfig=Path(found.kubeconfig),
                contexts=found.contexts,
                vault_addr=found.vault_addr,
                vault_token=found.vault_token,
                vault_cacert=found.vault_cacert,
            )
        finally:
            environment.stop(home)


@pytest.fixture(scope="module")
def copy_checkout(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Checkout]]:
    """Makes checkouts, run by the administrator unless another environment is given; their stacks go with the module.

    All stacks of a lab share one project, so the next module's are the same ones, anew.
    """
    made: list[Checkout] = []

    def copy(rights: Environment | None = None, *, databases: bool = False) -> Checkout:
        root = tmp_path_factory.mktemp("checkout")
        made.append(Checkout.copy(root, rights or lab.environment, databases=databases))
        if rights:
            operator_rights.leave_namespaces(made[-1])
        return made[-1]

    yield copy
    environment.start(lab.home)
    for checkout in made:
        checkout.remove()
    for checkout in made:
        checkout.forget_added()
    operator_rights.withdraw(lab.contexts)


@pytest.fixture(scope="module")
def checkout(copy_checkout: Callable[..., Checkout]) -> Checkout:
    """A module's own checkout with both stacks up, without databases."""
    found = copy_checkout()
    found.up()
    return found


@pytest.fixture(scope="module")
def provisioned(lab: Lab, copy_checkout: Callable[..., Checkout]) -> LinkedSites:
    """Two sites of a module's own, run by the administrator; nothing of them stands yet."""
    return LinkedSites(lab, copy_checkout())


@pytest.fixture
def new(provisioned: LinkedSites) -> LinkedSites:
    """Two sites of which nothing stands yet."""
    return provisioned.begin(Stage.NOTHING)


@pytest.fixture
def granted(provisioned: LinkedSites) -> LinkedSites:
    """The primary stands, the standby does not."""
    return provisioned.begin(Stage.GRANTED)


@pytest.fixture
def sites(provisioned: LinkedSites) -> LinkedSites:
    """Linked and settled, whatever the test before left."""
    return provisioned.begin(Stage.LINKED)


@pytest.fixture
def namespace(lab: Lab) -> Iterator[Callable[[str], str]]:
    """Makes a namespace with a name of its own in a context: `namespace("site-a")`; it is deleted after the test."""
    made: list[tuple[str, str]] = []

    def make(context: str) -> str:
        name = f"test-{uuid.uuid4().hex[:10]}"
        namespaces = lab.connect(context).resources.get(api_version="v1", kind="Namespace")
        namespaces.create(body={"metadata": {"name": name}})
        made.append((context, name))
        return name

    yield make
    for context, name in made:
        lab.connect(context).resources.get(api_version="v1", kind="Namespace").delete(name=name)

"""An emulator that runs beside the lab's, and places that it handles.

A ConfigMap `skupper` in each namespace says whose the namespace is, exactly as with two real controllers in one
cluster. The emulator begins once for all tests of this folder.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from lab.kube import connect
from lab.stand_ins.controller.kinds import NAMESPACE
from lab.stand_ins.skupper import api
from lab.stand_ins.skupper.api import Api
from tests.lab.skupper.emulator import Emulator
from tests.lab.skupper.places import Place, make_namespace


@pytest.fixture(scope="package")
def apis(lab: Any) -> list[Api]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(lab.kubeconfig))
        return [Api(connect(context), api.MANAGER) for context in lab.contexts]


@pytest.fixture(scope="package")
def emulator(lab: Any, apis: list[Api], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    namespace = f"skupper-test-{secrets.token_hex(3)}"
    for api_ in apis:
        make_namespace(api_, namespace, f"{namespace}/skupper-controller")
    emulator = Emulator(lab.kubeconfig, lab.contexts, namespace, tmp_path_factory.mktemp("emulator"))
    emulator.start()
    yield emulator
    assert emulator.stop() == 0
    for api_ in apis:
        api_.delete(NAMESPACE, "", namespace)


@pytest.fixture
def places(apis: list[Api], emulator: Emulator) -> Iterator[list[Place]]:
    """A fresh namespace in each cluster, of the same name: nothing may depend on names being unique."""
    name = f"test-{secrets.token_hex(3)}"
    for api_ in apis:
        make_namespace(api_, name, f"{emulator.namespace}/skupper-controller")
    yield [Place(api_, name) for api_ in apis]
    for api_ in apis:
        api_.delete(NAMESPACE, "", name)


@pytest.fixture
def sites(places: list[Place]) -> list[Place]:
    """A site that accepts links and one that does not, both Ready."""
    places[0].create(api.SITE, "first", {"linkAccess": "default"})
    places[1].create(api.SITE, "second", {})
    places[0].wait(api.SITE, "first")
    places[1].wait(api.SITE, "second")
    return places

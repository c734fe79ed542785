"""Two clusters and a Vault that answer from dicts, and the stacks that the doctor looks at there."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.settings import load
from ops.doctor.finding import Finding
from ops.doctor.scene import Once, Scene
from ops.stacks import Resource, State
from tests.unit.http_api import HttpApi, http_api, write_kubeconfig

ADDRESS = "https://vault.example.com:8200"
PRIMARY: dict[str, Any] = {
    "role": "primary",
    "cluster": {"context": "site-a"},
    "vault": {"address": ADDRESS},
    "standbys": {"site-b": {}},
}
STANDBY: dict[str, Any] = {
    "role": "standby",
    "primaryStack": "site-a",
    "cluster": {"context": "site-b", "apiServer": "https://api.site-b:6443"},
    "vault": {"address": ADDRESS},
}
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class World:
    """What stands, and who looks."""

    def __init__(self, folder: Path, site_a: HttpApi, site_b: HttpApi, vault: HttpApi) -> None:
        self.folder, self.site_a, self.site_b, self.vault = folder, site_a, site_b, vault
        (folder / "Pulumi.yaml").write_text("name: rhsi\n")
        kubeconfig = write_kubeconfig(folder / "kubeconfig", {"site-a": site_a.url, "site-b": site_b.url})
        self.environment = {"KUBECONFIG": str(kubeconfig), "VAULT_ADDR": vault.url, "VAULT_TOKEN": "mine"}

    def primary(self, **changes: Any) -> Scene:
        return self._scene("site-a", {**PRIMARY, **changes})

    def standby(self, **changes: Any) -> Scene:
        return self._scene("site-b", {**STANDBY, **changes})

    def _scene(self, stack: str, raw: dict[str, Any]) -> Scene:
        config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()}
        scene = Scene(self.folder, stack, load(config, stack=stack), self.environment)
        remember(scene)
        return scene


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """As long as the block."""
    with http_api() as site_a, http_api() as site_b, http_api() as vault:
        yield World(folder, site_a, site_b, vault)


def remember(scene: Scene, *made: tuple[str, str], owner: str = "", outputs: dict[str, Any] | None = None) -> None:
    """What the stack has made, by Pulumi type and id, and its outputs."""
    resources = tuple(Resource(urn="", type=kind, id=identity) for kind, identity in made)
    scene.state = Once(lambda: State(resources=resources, owner=owner))
    scene.outputs = Once(lambda: outputs or {})


def told(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """State and sentence of each."""
    return [(one.state, one.sentence) for one in findings]


def only(findings: Iterable[Finding], state: str) -> list[Finding]:
    """Those of a state."""
    return [one for one in findings if one.state == state]

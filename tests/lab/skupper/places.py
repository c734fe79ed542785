"""Namespaces that the emulator under test handles, and the grants, tokens and links that a test makes there."""

from dataclasses import dataclass
from typing import Any

from lab.kube import Manifest
from lab.stand_ins.controller.kinds import NAMESPACE
from lab.stand_ins.skupper import api, conditions
from lab.stand_ins.skupper.api import Api, Kind
from tests.lab.waiting import eventually


@dataclass
class Place:
    """A namespace of one cluster, handled by the emulator under test."""

    api: Api
    namespace: str

    def create(self, kind: Kind, name: str, spec: Manifest) -> Manifest:
        return self.api.create(kind, self.namespace, {"metadata": {"name": name}, "spec": spec})

    def get(self, kind: Kind, name: str) -> Manifest:
        found = self.api.get(kind, self.namespace, name)
        assert found is not None, f"{kind.name} {name} is absent"
        return found

    def gone(self, kind: Kind, name: str) -> None:
        assert self.api.get(kind, self.namespace, name) is None

    def delete(self, kind: Kind, name: str) -> None:
        self.api.delete(kind, self.namespace, name)

    def wait(self, kind: Kind, name: str, condition: str = "Ready", status: str = "True") -> Manifest:
        def check() -> None:
            found = self.get(kind, name)
            state = conditions.find(found, condition)
            assert state, found
            assert state["status"] == status, found

        eventually(check)
        return self.get(kind, name)

    def wait_status(self, kind: Kind, name: str, status: str, message: str) -> Manifest:
        def check() -> None:
            found = self.get(kind, name)["status"]
            assert (found.get("status"), found.get("message")) == (status, message)

        eventually(check)
        return self.get(kind, name)


def make_namespace(api_: Api, name: str, controller: str) -> None:
    api_.apply(NAMESPACE, None, {"metadata": {"name": name}})
    api_.apply(api.CONFIG_MAP, name, {"metadata": {"name": "skupper"}, "data": {"controller": controller}})


def make_grant(place: Place, name: str, **spec: Any) -> Manifest:
    place.create(api.GRANT, name, {"redemptionsAllowed": 1, "expirationWindow": "1h", **spec})
    return place.wait(api.GRANT, name)


def make_token(place: Place, name: str, grant: Manifest, **spec: Any) -> None:
    place.create(api.TOKEN, name, {field: grant["status"][field] for field in ("url", "code", "ca")} | spec)


def make_link(sites: list[Place], name: str) -> Manifest:
    make_token(sites[1], name, make_grant(sites[0], name))
    return sites[1].wait(api.LINK, name)


def owners(manifest: Manifest) -> list[tuple[str, str]]:
    return [(owner["kind"], owner["name"]) for owner in manifest["metadata"]["ownerReferences"]]

"""Where a network observer's page is, and how one logs in to it."""

from lab.kube import Manifest
from lab.stand_ins.controller.api import Api
from lab.stand_ins.network_observer.chart import Release
from lab.stand_ins.network_observer.kinds import ROUTE


def address(client: Api, observer: Manifest) -> str:
    """The URL of an observer that is deployed, by its Route where it has one; and the Secret with its login."""
    release = Release(observer)
    host = f"{release.fullname}.{release.namespace}.svc"
    if release.values["route"]["enabled"]:
        route = client.get(ROUTE, release.namespace, release.fullname) or {}
        host = (route.get("spec") or {}).get("host") or host
    login = f", login in Secret {release.login_secret}" if release.strategy == "basic" else ""
    return f"https://{host}{login}"

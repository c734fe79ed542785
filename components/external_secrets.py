"""External Secrets: the Secrets that it keeps in step with values in Vault.

Only `external-secrets.io/v1`. Does not own the Secrets themselves: the controller does. The stores that they come
through are secret_store.py's.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import AWAITED_EXTERNAL_SECRET, EXTERNAL_SECRET, KubernetesObject
from components.secret_store import StoreReference

VERSION_ANNOTATION = "rhsi/version"


@dataclass(frozen=True, kw_only=True)
class SyncedSecretArgs:
    """A Vault secret, kept as a Kubernetes Secret of the same name as the ExternalSecret.

    Attributes:
        secret: that name.
        namespace: of both.
        store: the store.
        path: of the Vault secret below the store's mount.
        version: any text that changes with the value: a changed annotation makes External Secrets read at once.
        type: type of the Secret, empty for Opaque.
        data: its keys, as templates of the Vault secret's fields (`{{ .password }}`); empty means these fields.
        labels: of the Secret.
        awaited: whether `up` waits until the Secret is there (not until a later value is).
    """

    secret: str
    namespace: str
    store: StoreReference
    path: pulumi.Input[str]
    version: pulumi.Input[str]
    type: str
    data: dict[str, str]
    labels: dict[str, str]
    awaited: bool


def external_secret_spec(args: SyncedSecretArgs) -> dict[str, Any]:
    """Spec of the ExternalSecret: the whole Vault secret; the Secret goes together with the ExternalSecret."""
    target: dict[str, Any] = {"name": args.secret, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    template: dict[str, Any] = {"type": args.type} if args.type else {}
    if args.data:
        template["data"] = args.data
    if args.labels:
        template["metadata"] = {"labels": args.labels}
    if template:
        target["template"] = {"engineVersion": "v2", **template}
    return {
        "refreshPolicy": "Periodic",
        # In the form in which the controller writes it back: any other one shows as drift and conflicts with it.
        "refreshInterval": args.store.refresh_interval,
        "secretStoreRef": {"kind": args.store.kind, "name": args.store.name},
        "target": target,
        "dataFrom": [{"extract": {"key": args.path}}],
    }


class SyncedSecret(Component):
    """An ExternalSecret. It is not awaited unless asked: whoever needs the Secret says what is wrong with it."""

    secret: pulumi.Output[str]

    def __init__(self, name: str, args: SyncedSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:SyncedSecret", name, opts)
        external = KubernetesObject(
            f"{name}-external-secret",
            AWAITED_EXTERNAL_SECRET if args.awaited else EXTERNAL_SECRET,
            metadata={
                "name": args.secret,
                "namespace": args.namespace,
                "annotations": {VERSION_ANNOTATION: args.version},
            },
            spec=external_secret_spec(args),
            opts=self.child(),
        )
        self.secret = once(external, args.secret)
        self.register_outputs({"secret": self.secret})

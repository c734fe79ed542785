"""What Red Hat's External Secrets Operator needs beside its Subscription: the object that lets External Secrets run.

The operator isolates External Secrets by network policies of its own, so the way to Vault has to be opened here
(openshift/external-secrets-operator:api/v1alpha1/external_secrets_config_types.go). An ExternalSecretsConfig that
exists already is somebody's, and refused.
"""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.component import Component, once
from components.custom_resource import EXTERNAL_SECRETS_CONFIG, KubernetesObject

# The API server takes no other name.
NAME = "cluster"


@dataclass(frozen=True, kw_only=True)
class ExternalSecretsArgs:
    """External Secrets under Red Hat's operator.

    Attributes:
        vault_port: TCP port of Vault, to which it must get through.
        creating: a provider that creates what does not exist and refuses what does.
    """

    vault_port: int
    creating: pulumi.ProviderResource


def external_secrets_spec(args: ExternalSecretsArgs) -> dict[str, Any]:
    """Spec of the ExternalSecretsConfig."""
    egress = [{"ports": [{"protocol": "TCP", "port": args.vault_port}]}]
    policy = {"name": "rhsi-vault", "componentName": "ExternalSecretsCoreController", "egress": egress}
    return {"controllerConfig": {"networkPolicies": [policy]}}


class ExternalSecrets(Component):
    """The ExternalSecretsConfig, awaited until External Secrets runs."""

    config: pulumi.Output[str]

    def __init__(self, name: str, args: ExternalSecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component; `opts` must make it wait for the operator."""
        super().__init__("rhsi:index:ExternalSecrets", name, opts)
        config = KubernetesObject(
            f"{name}-config",
            EXTERNAL_SECRETS_CONFIG,
            metadata={"name": NAME, "annotations": {"pulumi.com/patchForce": "true"}},
            spec=external_secrets_spec(args),
            opts=self.child(provider=args.creating),
        )
        self.config = once(config, NAME)
        self.register_outputs({"config": self.config})

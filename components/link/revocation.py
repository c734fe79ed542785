"""Revocation: the certificates of all links to a site lose their worth at once.

Removing a Link revokes nothing: the router accepts every certificate that chains to the site's CA, for five years, and
Skupper knows no revocation list (skupper:internal/site/routeraccess.go; issue #779 there). So the CA itself is renewed.
Every standby then needs a new grant; giving it one is the business of the site that asks for the revocation.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component, once
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "renew-site-ca"
ACCOUNT_NAME = "rhsi-revocation"
# Names that the Skupper controller gives (skupper:internal/kube/site/site.go).
CA_SECRET = "skupper-site-ca"  # noqa: S105 -- the name of an object, no secret
SERVER_SECRET = "skupper-site-server"  # noqa: S105 -- the name of an object, no secret
SCRIPT = job_script(Path(__file__).parent / "renew_site_ca.sh")


@dataclass(frozen=True, kw_only=True)
class LinkRevocationArgs:
    """Which site, and the number of the revocation: a new one renews the CA once more; `runtime` has kubectl or oc."""

    number: int
    namespace: str
    runtime: Runtime


def role_rules() -> list[dict[str, Any]]:
    """Look at the two Secrets, to see that they are new, delete them, and write the number on the CA."""
    secrets = {"apiGroups": [""], "resources": ["secrets"]}
    return [
        {**secrets, "resourceNames": [CA_SECRET, SERVER_SECRET], "verbs": ["get", "delete"]},
        {**secrets, "resourceNames": [CA_SECRET], "verbs": ["patch"]},
    ]


def script_job(args: LinkRevocationArgs) -> ScriptJobArgs:
    """The renewal as a Job."""
    return ScriptJobArgs(
        job=JOB_NAME,
        account=ACCOUNT_NAME,
        namespace=args.namespace,
        script=SCRIPT,
        environment={
            "REVOCATION": str(args.number),
            "CA_SECRET": CA_SECRET,
            "SERVER_SECRET": SERVER_SECRET,
        },
        rules=role_rules(),
        has_rights_elsewhere=False,
        secrets={},
        runtime=args.runtime,
        # Done again for another image, it would cut links that nobody gives new credentials.
        repeatable=False,
    )


class LinkRevocation(Component):
    """The Job that renews the site's CA; done when the router's own certificate is new too."""

    number: pulumi.Output[int]

    def __init__(self, name: str, args: LinkRevocationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:LinkRevocation", name, opts)
        job = ScriptJob(f"{name}-renewal", script_job(args), self.child())
        self.number = once(job.job_id, args.number)
        self.register_outputs({"number": self.number})

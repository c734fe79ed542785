"""The claim: a one-shot Job on the standby that turns the synced credentials into a Skupper link.

Everything happens inside the cluster (`claim_link.sh` in this folder), so that code, URL and CA of the grant never pass
through this stack. The Job's own rights are the only ones that can touch the credentials.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.component import Component
from components.custom_resource import LINK, ExistingObject
from components.link.rotation import TOKEN_PREFIX, link_names, superseded, token_name
from components.script_job import Runtime, ScriptJob, ScriptJobArgs, job_script

JOB_NAME = "create-access-token-from-vault"
ACCOUNT_NAME = "rhsi-link-claim"
READY = "Ready"
SCRIPT = job_script(Path(__file__).parent / "claim_link.sh")
# The last field of the AccessToken that the script makes.
_LAST_FIELD = '  ca: {{.data.ca | base64decode | printf \\"%q\\"}}\n'
USUAL_COST = 1


@dataclass(frozen=True, kw_only=True)
class LinkClaimArgs:
    """What to claim.

    Attributes:
        namespace: of the Skupper site.
        secret: the Secret with the credentials; its ExternalSecret has the same name.
        store: name of the SecretStore that it comes through.
        own_store: whether that is this stack's; somebody else's is left alone.
        ha: whether the primary has two routers, hence two Links.
        link_cost: of the Links that are made from now on, 1 or more.
        rotation: the grant's rotation.
        expires: the grant's expiry, UTC as RFC 3339; with the rotation it tells one grant from every other.
        rotate_hint: the commands of a rotation, for the messages of a failed claim.
        runtime: of the script, with kubectl or oc.
    """

    namespace: str
    secret: str
    store: str
    own_store: bool
    ha: pulumi.Input[bool]
    link_cost: int
    rotation: pulumi.Input[int]
    expires: pulumi.Input[str]
    rotate_hint: pulumi.Input[str]
    runtime: Runtime


def role_rules(
    secret: str, store: str | None, token: pulumi.Input[str], links: pulumi.Input[list[str]]
) -> list[dict[str, Any]]:
    """Exactly the script's requests. Creation and lists cannot be limited by name in Kubernetes.

    Nor can the removal of what other rotations left: their numbers may jump or come back, and only the cluster knows
    which Links stand. The script removes none whose name is not one of its own. It asks the store to log in again too,
    unless there is none that it may touch (None).
    """
    skupper, external_secrets, core = ["skupper.io"], ["external-secrets.io"], [""]
    read = ["get", "list", "watch"]
    stores = {
        "apiGroups": external_secrets,
        "resources": ["secretstores"],
        "resourceNames": [store],
        "verbs": ["get", "patch"],
    }
    return [
        {"apiGroups": skupper, "resources": ["accesstokens"], "verbs": ["create"]},
        {"apiGroups": skupper, "resources": ["accesstokens"], "resourceNames": [token], "verbs": read},
        {"apiGroups": skupper, "resources": ["links"], "verbs": [*read, "delete"]},
        {"apiGroups": skupper, "resources": ["links"], "resourceNames": links, "verbs": ["patch"]},
        {"apiGroups": core, "resources": ["secrets"], "verbs": ["delete"]},
        {"apiGroups": core, "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]},
        {
            "apiGroups": external_secrets,
            "resources": ["externalsecrets"],
            "resourceNames": [secret],
            "verbs": ["get", "patch"],
        },
        *([stores] if store else []),
        {"apiGroups": core, "resources": ["events"], "verbs": ["list"]},
    ]


def script(link_cost: int) -> str:
    """The claim's script; for Links of the usual cost the same as ever, so that no claim that is done runs again."""
    if link_cost == USUAL_COST:
        return SCRIPT
    before, field, after = SCRIPT.partition(_LAST_FIELD)
    return f"{before}{field}  linkCost: {link_cost}\n{after}"


def script_job(args: LinkClaimArgs) -> ScriptJobArgs:
    """The claim as a Job; no value of its environment is secret."""
    rotation = pulumi.Output.from_input(args.rotation)
    links = names_of_links(args)
    return ScriptJobArgs(
        job=JOB_NAME,
        account=ACCOUNT_NAME,
        namespace=args.namespace,
        script=script(args.link_cost),
        environment={
            "ROTATION": pulumi.Output.format("{}", rotation),
            "EXPIRES": args.expires,
            "LINKS": links.apply(" ".join),
            "ROTATE": args.rotate_hint,
            "SECRET": args.secret,
            "EXTERNAL_SECRET": args.secret,
            "SECRET_STORE": args.store,
            "TOKEN_PREFIX": TOKEN_PREFIX,
            # Never empty: the API server drops an empty value, and every preview would show a change. There is no 0.
            "SUPERSEDED": rotation.apply(lambda number: " ".join(superseded(number) or [token_name(0)])),
        },
        rules=role_rules(args.secret, args.store if args.own_store else None, rotation.apply(token_name), links),
        has_rights_elsewhere=False,
        secrets={},
        runtime=args.runtime,
        repeatable=True,
    )


def names_of_links(args: LinkClaimArgs) -> pulumi.Output[list[str]]:
    """Names of the Links that the claim makes."""
    return pulumi.Output.all(args.rotation, args.ha).apply(lambda known: link_names(known[0], ha=known[1]))


class LinkClaim(Component):
    """The claim's Job, and the Links that it leaves, read back.

    `links` has the status of each by its name; `link` is the first one's name, and `status` is Ready if all are.
    """

    link: pulumi.Output[str]
    links: pulumi.Output[dict[str, str]]
    status: pulumi.Output[str]
    remote_site: pulumi.Output[str]

    def __init__(self, name: str, args: LinkClaimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component."""
        super().__init__("rhsi:index:LinkClaim", name, opts)
        job = ScriptJob(f"{name}-claim", script_job(args), self.child())
        names = pulumi.Output.all(job.job_id, names_of_links(args)).apply(lambda known: list(known[1]))
        self.link = names.apply(lambda known: str(known[0]))
        first = self._read(f"{name}-link", args.namespace, self.link)
        # How many there are is known only in the run: a single one is read twice.
        last = self._read(f"{name}-last-link", args.namespace, names.apply(lambda known: str(known[-1])))
        states = pulumi.Output.all(names, first.status, last.status).apply(
            lambda known: {known[0][0]: known[1], known[0][-1]: known[2]}
        )
        self.links = states.apply(lambda found: link_states(args.namespace, found))
        self.status = self.links.apply(lambda found: worst(found.values()))
        self.remote_site = first.status.apply(lambda status: str(status.get("remoteSiteName", "")))
        self.register_outputs(
            {"link": self.link, "links": self.links, "status": self.status, "remoteSite": self.remote_site}
        )

    def _read(self, name: str, namespace: str, link: pulumi.Output[str]) -> ExistingObject:
        return ExistingObject(name, LINK, object_id=pulumi.Output.format("{}/{}", namespace, link), opts=self.child())


def link_states(namespace: str, links: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The status of each Link by its name. One that is not Ready is warned of: it was when it was claimed."""
    for name, status in links.items():
        if status.get("status") != READY:
            said = status.get("message") or "no status"
            pulumi.warn(
                f"Link {namespace}/{name} is not Ready any more: {said}. See that both sites are Ready and that this "
                "cluster reaches the other one's router."
            )
    return {name: str(status.get("status", "")) for name, status in links.items()}


def worst(states: Iterable[str]) -> str:
    """The first status that is not Ready, or Ready."""
    return next((state for state in states if state != READY), READY)

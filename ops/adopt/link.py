"""The link of the manual procedure: its grant, token, Job and Link, beside those of the stack.

Nothing of it is taken over, for a Link cannot change its name: the stack makes a link of its own, and the old one
stays Ready until somebody removes it. A Link and its Secret belong to the Site
(skupper:internal/kube/grants/tokens.go), so that they outlive Job and token.
"""

import re
from collections.abc import Iterator

from ops.adopt import names, owners
from ops.adopt.found import token_path
from ops.adopt.notes import Case, Head, Note
from ops.adopt.objects import Item

_NUMBERED = re.compile(rf"{names.LINK_PREFIX}-([0-9]+)(-[0-9]+)?")


def of_grants(case: Case) -> Iterator[Note]:
    """On a primary: the grants that stand, and what Vault has of them."""
    settings = case.settings
    if settings.role != "primary":
        return
    own = {names.grant(site, one.rotation + settings.revoke): site for site, one in settings.standbys.items()}
    for grant in case.found.all("AccessGrant"):
        if case.made("AccessGrant", f"{grant.namespace}/{grant.name}"):
            continue
        site = own.get(grant.name)
        if site:
            yield Note(
                head=Head.IN_THE_WAY,
                text=f"{grant.place} has the name that the stack gives to rotation {settings.standbys[site].rotation}, "
                "and its code may be spent: begin with the next one.",
                command=case.set(f"standbys.{site}.rotation", str(settings.standbys[site].rotation + 1)),
            )
            continue
        if grant.name != names.GRANT_BY_HAND:
            yield Note(head=Head.LEFT, text=f"{grant.place}: a site that has not linked yet may need it.")
            continue
        yield Note(head=Head.LEFT, text=f"{grant.place}: the stack makes its own.")
        yield Note(
            head=Head.AFTERWARDS,
            text=f"{grant.place}: whoever has its code can link until it expires.",
            command=case.cli("delete", "accessgrant", grant.name),
        )
    yield from _of_vault(case)


def _of_vault(case: Case) -> Iterator[Note]:
    vault = case.settings.vault
    for standby in case.settings.standbys:
        metadata = case.found.vault.get(token_path(case.settings, standby))
        if metadata is None or owners.of_folder(case, standby):
            continue
        path = vault.below(f"{standby}/link-token")
        versions = metadata.get("versions") or {}
        earlier = sorted(int(number) for number, one in versions.items() if not one.get("destroyed"))
        if case.made("SecretV2", f"{vault.mount}/data/{path}"):
            # The last one is the stack's own.
            earlier = earlier[:-1]
        else:
            yield Note(
                head=Head.TAKEN_OVER,
                text=f"Secret {vault.mount}/{path} in Vault: another version. The link that stands does not use it.",
            )
        if earlier:
            numbers = ",".join(map(str, earlier))
            yield Note(
                head=Head.AFTERWARDS,
                text=f"The earlier versions of {vault.mount}/{path} in Vault, with codes of earlier grants.",
                command=case.vault("kv destroy", f"-mount={vault.mount}", f"-versions={numbers}", path),
            )


def of_claim(case: Case) -> Iterator[Note]:
    """On a standby: Job, token and Link of the manual procedure."""
    settings = case.settings
    if settings.role != "standby":
        return
    if job := case.stands("Job", names.CLAIM_JOB):
        yield Note(
            head=Head.FIRST,
            text=f"{job.place} has the name of the stack's own Job, and Kubernetes lets nobody change a Job's pod. "
            "Delete it: the token and the Link that it made stay.",
            command=case.cli("delete", "job", job.name),
        )
    if secret := case.stands("ExternalSecret", names.LINK_SECRET):
        yield _of_secret(case, secret)
    yield from _of_links(case)


def _of_secret(case: Case, secret: Item) -> Note:
    """`up` changes the list `dataFrom` and leaves the rest, which kubectl has set, for its first change."""
    mount, path = case.settings.vault.mount, case.settings.vault.below(f"{case.settings.site}/link-token")
    keys = {str((one.get("remoteRef") or {}).get("key") or "").strip("/") for one in secret.spec.get("data") or []}
    # External Secrets takes the mount and KV's own `data` before a key, too (providers/vault: buildPath).
    odd = ["data"] if {key.removeprefix(f"{mount}/").removeprefix("data/") for key in keys} - {path} else []
    if "template" in (secret.spec.get("target") or {}):
        odd.append("target.template")
    if not odd:
        text = f"{secret.place}: its Secret gets the fields `rotation` and `expires` too."
        return Note(head=Head.TAKEN_OVER, text=text)
    return Note(
        head=Head.FIRST,
        text=f"{secret.place} has {' and '.join(odd)} of its own, which would stand beside the stack's and keep the "
        "new credentials out of the Secret. Delete it: its Secret goes too, and the link that stands does not need it.",
        command=case.cli("delete", "externalsecret", secret.name),
    )


def _of_links(case: Case) -> Iterator[Note]:
    taken = []
    for link in case.found.all("Link"):
        if found := _NUMBERED.fullmatch(link.name):
            taken.append(int(found[1]))
            continue
        status = link.fields.get("status") or {}
        state = f" ({status['status']})" if status.get("status") else ""
        if link.name != names.LINK_PREFIX:
            yield Note(head=Head.LEFT, text=f"{link.place}{state}: it may lead to another site.")
            continue
        yield Note(
            head=Head.LEFT,
            text=f"{link.place}{state}: the stack makes its own link beside it, {names.LINK_PREFIX}-<rotation>, and "
            "does not remove this one.",
        )
        yield Note(
            head=Head.AFTERWARDS,
            text=f"{link.place}, its Secret and its AccessToken: traffic goes on through the stack's link.",
            command=case.cli(
                "delete",
                *(f"{kind}/{link.name}" for kind in ("link.skupper.io", "accesstoken.skupper.io", "secret")),
                "--ignore-not-found",
            ),
        )
    if taken and not case.made("Job", f"{case.namespace}/{names.CLAIM_JOB}"):
        yield from _of_numbers(case, max(taken))


def _of_numbers(case: Case, highest: int) -> Iterator[Note]:
    """A Link with a number: the claim of that rotation would take it for its own, a later one removes it."""
    rotation, place = case.peer.rotation, f"Link {case.namespace}/{names.LINK_PREFIX}-{highest}"
    if rotation is not None and rotation > highest:
        yield Note(head=Head.TAKEN_OVER, text=f"{place}: the claim removes it once the stack's link is Ready.")
        return
    yield Note(
        head=Head.IN_THE_WAY,
        text=f"{place} has the name of a rotation of the stack, which would take it for its own: begin above it. The "
        "number is in the primary's stack.",
        command=case.set(
            f"standbys.{case.settings.site}.rotation", str(highest + 1), stack=case.settings.primary_stack
        ),
    )

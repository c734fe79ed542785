"""A standby's primary: whether its outputs can be read, and whether they have what this stack needs of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from components import outputs
from ops import stacks
from ops.doctor.finding import Finding, error, ok, warning
from ops.doctor.scene import Scene
from ops.stacks import NoStackError, StackError

SUBJECT = "peer"


def check(scene: Scene) -> Iterator[Finding]:
    """On a standby: the primary's stack."""
    settings = scene.settings
    if settings.role != "standby":
        return
    stack = settings.primary_stack
    try:
        found = scene.primary.outputs() if scene.primary else stacks.outputs(scene.project, stack)
    except NoStackError:
        yield error(
            SUBJECT,
            f"The primary's stack {stack} does not exist: this stack's preview and `up` need it.",
            f"pulumi stack init {stack} && pulumi up -s {stack}",
        )
        return
    except StackError as problem:
        yield error(
            SUBJECT,
            f"The outputs of the primary's stack {stack} cannot be read: {problem}",
            f"log in where both stacks are, with a passphrase or secrets provider at hand: pulumi stack -s {stack}",
        )
        return
    if not found:
        yield _coming(scene, f"The primary's stack {stack} has no outputs yet: this stack's `up` needs them.")
        return
    try:
        grant = _grant(found, scene)
    except outputs.OutputError as problem:
        yield error(SUBJECT, str(problem), f"pulumi up -s {stack}")
        return
    if grant is None:
        sentence = f"The primary's stack {stack} has no grant for {settings.site}."
        if scene.primary and settings.site in scene.primary.settings.standbys:
            yield _coming(scene, sentence)
        else:
            fix = f"pulumi config set --path 'rhsi:standbys.{settings.site}.rotation' 1 -s {stack} && "
            yield error(SUBJECT, sentence, f"{fix}pulumi up -s {stack}")
        return
    yield from _of_grant(grant, found, scene)


def _coming(scene: Scene, sentence: str) -> Finding:
    """What the primary's next `up` brings; whoever asks about both stacks is about to bring both up."""
    say = warning if scene.primary and scene.primary.asked else error
    return say(SUBJECT, sentence, f"pulumi up -s {scene.settings.primary_stack}")


def _grant(found: dict[str, Any], scene: Scene) -> outputs.Grant | None:
    stack = scene.settings.primary_stack
    entry = outputs.read_entry(found.get("standbys"), scene.settings.site, stack=stack, path="standbys")
    if entry is None:
        return None
    return outputs.read(outputs.Grant, entry, stack=stack, path=f"standbys.{scene.settings.site}")


def _of_grant(grant: outputs.Grant, found: dict[str, Any], scene: Scene) -> Iterator[Finding]:
    """Where the credentials are, and whether they can still be redeemed if they have to be."""
    settings = scene.settings
    stack, problems = settings.primary_stack, 0
    prefix = str(grant.vault_path).rpartition("/")[0].rpartition("/")[0]
    places = {"mount": (settings.vault.mount, grant.vault_mount), "prefix": (settings.vault.prefix, prefix)}
    for key, (here, there) in places.items():
        if here != there:
            problems += 1
            yield error(
                SUBJECT,
                f"rhsi:vault.{key} is {here!r}, but the primary's stack {stack} keeps the credentials in {there!r}.",
                f"pulumi config set --path 'rhsi:vault.{key}' '{there}' -s {scene.stack}",
            )
    claimed = scene.outputs().get("rotation") == grant.rotation
    expires = datetime.fromisoformat(str(grant.expires))
    if not claimed and expires < datetime.now(UTC):
        problems += 1
        usual = int(str(grant.configured_rotation or grant.rotation))
        sentence = (
            f"The grant of rotation {grant.rotation} expired at {grant.expires}, and this stack has not claimed it."
        )
        if _next_rotation(scene) > usual:
            yield _coming(scene, sentence)
        else:
            yield error(
                SUBJECT,
                sentence,
                f"pulumi config set --path 'rhsi:standbys.{settings.site}.rotation' {usual + 1} -s {stack} && "
                f"pulumi up -s {stack} && pulumi up -s {scene.stack}",
            )
    primary = scene.primary.settings if scene.primary else None
    for section, wanted, comes in (
        ("postgres", settings.postgres.enabled, primary and primary.postgres.enabled),
        ("edb", settings.edb.enabled, primary and primary.edb.enabled),
    ):
        if wanted and not found.get(section):
            problems += 1
            sentence = f"rhsi:{section}.enabled is true here, and the primary's stack {stack} has no such database"
            if comes:
                yield _coming(scene, f"{sentence} yet.")
            else:
                fix = f"pulumi config set --path 'rhsi:{section}.enabled' true -s {stack} && pulumi up -s {stack}"
                yield error(SUBJECT, f"{sentence}.", fix)
    if not problems:
        state = "claimed" if claimed else f"to be claimed until {grant.expires}"
        yield ok(SUBJECT, f"The primary's stack {stack} has the grant of rotation {grant.rotation}, {state}.")


def _next_rotation(scene: Scene) -> int:
    """The rotation in the primary's settings, which its outputs follow with the next `up`; 0 where it is not known."""
    standbys = scene.primary.settings.standbys if scene.primary else {}
    standby = standbys.get(scene.settings.site)
    return standby.rotation if standby else 0

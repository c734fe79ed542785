"""Resources and deployments, and their JSON form: the checkpoint, version 3.

Source: pulumi:sdk/go/common/apitype/core.go (field names), pkg/resource/stack/deployment.go (secrets in values).
Owns no file; see `backend`.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lab.engine import urn as urns
from lab.engine.secrets import Crypter
from lab.engine.urn import UNKNOWN_ID
from lab.engine.values import UNKNOWN, Properties, Secret, reveal
from lab.engine.wire import SECRET_SIGNATURE, SIGNATURE_KEY

ENGINE_VERSION = "v3.259.0"


def now() -> str:
    """The time as state files hold it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _json_field(name: str) -> dict[str, str]:
    return {"json": name}


@dataclass(eq=False)
class Resource:
    """One resource of a stack; two are the same only if they are the same object.

    `custom_timeouts` are seconds by operation. `aliases` are former URNs, known during a run only.
    """

    urn: str
    type: str
    custom: bool = True
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list, metadata=_json_field("initErrors"))
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(
        default_factory=dict, metadata=_json_field("propertyDependencies")
    )
    pending_replacement: bool = field(default=False, metadata=_json_field("pendingReplacement"))
    additional_secret_outputs: list[str] = field(default_factory=list, metadata=_json_field("additionalSecretOutputs"))
    custom_timeouts: dict[str, float] = field(default_factory=dict, metadata=_json_field("customTimeouts"))
    import_id: str = field(default="", metadata=_json_field("importID"))
    retain_on_delete: bool = field(default=False, metadata=_json_field("retainOnDelete"))
    deleted_with: str = field(default="", metadata=_json_field("deletedWith"))
    replace_with: list[str] = field(default_factory=list, metadata=_json_field("replaceWith"))
    created: str = ""
    modified: str = ""
    ignore_changes: list[str] = field(default_factory=list, metadata=_json_field("ignoreChanges"))
    replace_on_changes: list[str] = field(default_factory=list, metadata=_json_field("replaceOnChanges"))
    replacement_trigger: Any = field(default=None, metadata=_json_field("replacementTrigger"))
    aliases: list[str] = field(default_factory=list, metadata=_json_field(""))

    @property
    def name(self) -> str:
        """The logical name."""
        return urns.name_of(self.urn)

    @property
    def provider_urn(self) -> str:
        """URN of the provider resource, or ""."""
        return urns.split_reference(self.provider)[0] if self.provider else ""

    def requirements(self) -> set[str]:
        """URNs of what must exist as long as this resource does, its parent excepted."""
        needed = {*self.dependencies, *self.replace_with, self.deleted_with, self.provider_urn}
        for urns_ in self.property_dependencies.values():
            needed.update(urns_)
        return needed - {""}

    def copy(self) -> "Resource":
        """A second resource with the same content."""
        return dataclasses.replace(self)

    def same_as(self, other: "Resource") -> bool:
        """Whether a state file would hold the same content for both."""
        return all(getattr(self, item.name) == getattr(other, item.name) for item in dataclasses.fields(self))


_FIELDS = [
    (item.name, item.metadata.get("json", item.name))
    for item in dataclasses.fields(Resource)
    if item.metadata.get("json", item.name)
]
_VALUES = ("inputs", "outputs", "replacement_trigger")


@dataclass(eq=False)
class Operation:
    """Something that was begun; it stays in the state if its end is never seen. `type`: creating, updating, ..."""

    resource: Resource
    type: str


@dataclass(eq=False)
class Deployment:
    """What a state file holds. `resources` are ordered so that each follows everything it needs."""

    resources: list[Resource] = field(default_factory=list)
    pending: list[Operation] = field(default_factory=list)

    def stack(self) -> Resource | None:
        """The root resource."""
        return next((item for item in self.resources if item.type == urns.STACK_TYPE and not item.delete), None)


def value_to_json(value: Any, crypter: Crypter | None) -> Any:
    """A property value for a state file. Without a crypter secrets become `[secret]`."""
    if isinstance(value, Secret):
        if crypter is None:
            return "[secret]"
        if value.ciphertext is None:
            value.ciphertext = crypter.encrypt(json.dumps(reveal(value.value)))
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": value.ciphertext}
    if value is UNKNOWN:
        return UNKNOWN_ID
    if isinstance(value, dict):
        return {key: value_to_json(item, crypter) for key, item in value.items()}
    if isinstance(value, list):
        return [value_to_json(item, crypter) for item in value]
    return value


def value_from_json(value: Any, crypter: Crypter, *, remember: bool = True) -> Any:
    """A property value from a state file; `remember` keeps the ciphertext for when the same file is written again.

    Raises:
        PassphraseError: a secret was encrypted with another passphrase.
    """
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            ciphertext = value.get("ciphertext")
            if ciphertext is None:
                return Secret(json.loads(value["plaintext"]))
            return Secret(json.loads(crypter.decrypt(ciphertext)), ciphertext if remember else None)
        return {key: value_from_json(item, crypter, remember=remember) for key, item in value.items()}
    if isinstance(value, list):
        return [value_from_json(item, crypter, remember=remember) for item in value]
    return UNKNOWN if value == UNKNOWN_ID else value


def with_plaintext(value: Any, crypter: Crypter) -> Any:
    """A part of a state file with every secret's text in the place of its ciphertext; Pulumi imports such a file too.

    Raises:
        PassphraseError: a secret was encrypted with another passphrase.
    """
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE and "ciphertext" in value:
            return {SIGNATURE_KEY: SECRET_SIGNATURE, "plaintext": crypter.decrypt(value["ciphertext"])}
        return {key: with_plaintext(item, crypter) for key, item in value.items()}
    return [with_plaintext(item, crypter) for item in value] if isinstance(value, list) else value


def resource_to_json(resource: Resource, crypter: Crypter | None) -> dict[str, Any]:
    """A resource for a state file or, without a crypter, for a display. Empty fields are left out."""
    document: dict[str, Any] = {}
    for name, key in _FIELDS:
        value = getattr(resource, name)
        if value in (None, "", False, [], {}) and name != "custom":
            continue
        document[key] = value_to_json(value, crypter) if name in _VALUES else value
    return document


def resource_from_json(document: dict[str, Any], crypter: Crypter) -> Resource:
    """A resource from a state file."""
    fields = {name: document[key] for name, key in _FIELDS if key in document}
    return Resource(**{n: value_from_json(v, crypter) if n in _VALUES else v for n, v in fields.items()})


def deployment_to_json(deployment: Deployment, crypter: Crypter) -> dict[str, Any]:
    """A deployment for a state file."""
    document: dict[str, Any] = {
        "manifest": {
            "time": now(),
            "magic": hashlib.sha256(ENGINE_VERSION.encode()).hexdigest(),
            "version": ENGINE_VERSION,
        },
        "secrets_providers": {"type": "passphrase", "state": {"salt": crypter.salt_text}},
    }
    if deployment.resources:
        document["resources"] = [resource_to_json(item, crypter) for item in deployment.resources]
    if deployment.pending:
        document["pending_operations"] = [
            {"resource": resource_to_json(item.resource, crypter), "type": item.type} for item in deployment.pending
        ]
    return {**document, "metadata": {}}


def deployment_from_json(document: dict[str, Any], crypter: Crypter) -> Deployment:
    """A deployment from a state file.

    Raises:
        PassphraseError: its secrets were encrypted with another passphrase.
    """
    return Deployment(
        [resource_from_json(item, crypter) for item in document.get("resources", [])],
        [
            Operation(resource_from_json(item["resource"], crypter), item["type"])
            for item in document.get("pending_operations", [])
        ],
    )

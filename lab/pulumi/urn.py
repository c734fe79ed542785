"""URNs (`urn:pulumi:<stack>::<project>::<parent types$type>::<name>`) and provider references (`<urn>::<id>`).

Source: pulumi:sdk/go/common/resource/urn/urn.go, sdk/go/common/providers/reference.go.
"""

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"
# What stands for an id, or any other string, that is not known yet (pulumi:sdk/go/common/resource/plugin/rpc.go).
UNKNOWN_ID = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def make(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """The URN of a resource; the root stack is no part of its children's URNs."""
    parent_type = qualified_type(parent) if parent else ""
    qualified = type_ if parent_type in ("", STACK_TYPE) else f"{parent_type}${type_}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def qualified_type(urn: str) -> str:
    """The types of all parents and of the resource itself, joined by `$`."""
    return urn.split("::", 3)[2]


def type_of(urn: str) -> str:
    """The resource's own type token."""
    return qualified_type(urn).rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's logical name."""
    return urn.split("::", 3)[3]


def is_provider(type_: str) -> bool:
    """Whether the type is that of a provider resource."""
    return type_.startswith(PROVIDER_PREFIX)


def package_of(type_: str) -> str:
    """The package that serves the type: of a provider resource its own."""
    return type_.removeprefix(PROVIDER_PREFIX).split(":", 1)[0]


def reference(urn: str, id_: str) -> str:
    """A reference to a provider resource."""
    return f"{urn}::{id_ or UNKNOWN_ID}"


def split_reference(reference_: str) -> tuple[str, str]:
    """URN and id of a provider reference."""
    urn, _, id_ = reference_.rpartition("::")
    return urn, id_


def display_type(urn: str) -> str:
    """The type as the display prints it: `kubernetes:core/v1:Namespace`, `vault:kv:SecretV2`.

    A module part that repeats the name in camelCase is left out (pulumi:sdk/go/common/tokens/tokens.go, DisplayName).
    """
    type_ = type_of(urn)
    parts = type_.split(":")
    if len(parts) != 3 or "/" not in parts[1]:
        return type_
    package, module, name = parts
    head, _, tail = module.rpartition("/")
    return f"{package}:{head}:{name}" if tail == name[:1].lower() + name[1:] else type_

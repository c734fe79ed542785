"""URNs: `urn:pulumi:<stack>::<project>::<parent types$type>::<name>`.

Source: pulumi:sdk/go/common/resource/urn/urn.go.
"""


def type_of(urn: str) -> str:
    """The resource's own type token."""
    return urn.split("::", 3)[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's logical name."""
    return urn.split("::", 3)[3]

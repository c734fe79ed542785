"""Who a thing belongs to: this stack, told from every other one by a number that nobody chose.

Stacks of two state backends may have one name, and a namespace, a path or a site's name is chosen by a person. So each
stack draws a random number before it makes anything else, and marks with it what it claims.
"""

import secrets
from dataclasses import dataclass

import pulumi

# Names the stack on what it made.
OWNER_ANNOTATION = "rhsi/owner"
# 64 bits, in hexadecimal digits.
ID_BYTES = 8


class OwnerError(pulumi.RunError):
    """Something that belongs to another stack, or may, in one sentence with the way out."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """This stack.

    Attributes:
        stack: `organization/project/stack`, for people.
        id: the number. It is in the state before anything is claimed, so that a killed `up` finds its own claims again.
    """

    stack: str
    id: pulumi.Output[str]


def this_stack(opts: pulumi.ResourceOptions) -> Owner:
    """Register the number and return the owner; once in a program."""
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(ignore_changes=["input"]))
    number = pulumi.Stash("owner", input=secrets.token_hex(ID_BYTES), opts=kept)
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return Owner(stack=stack, id=number.output.apply(str))

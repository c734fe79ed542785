"""What a rule is, and how it becomes a policy of Pulumi's.

A rule's check is a pure function from plain values to sentences. Each sentence names the object, the field, the value
unless it may be a secret, and the fix.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from .resource import Resource, plain

MANDATORY, ADVISORY = EnforcementLevel.MANDATORY, EnforcementLevel.ADVISORY
Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """What all rules have.

    Attributes:
        name: of the policy, in configurations and on the command line.
        description: the rule in one sentence; Pulumi prints it above each message.
        level: what a violation does unless the configuration says otherwise.
        reason: why the rule exists, and why it has this level.
        settings: JSON schemas of what can be set, each with `description` and `default`.
    """

    name: str
    description: str
    level: EnforcementLevel
    reason: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def _options(self) -> dict[str, Any]:
        schemas = {name: dict(schema) for name, schema in self.settings.items()}
        return {
            "name": self.name,
            "description": self.description,
            "enforcement_level": self.level,
            "config_schema": PolicyConfigSchema(properties=schemas) if schemas else None,
        }

    def _configured(self, given: Mapping[str, Any]) -> Settings:
        """The settings that count. An older engine passes those that somebody set, without the defaults.

        The engine holds each value against its schema, and lets pass what has none.

        Raises:
            ValueError: somebody set what the rule does not have, and would believe that it counts.
        """
        if unknown := sorted(given.keys() - self.settings.keys()):
            known = f"it has {', '.join(self.settings)}" if self.settings else "only its level can be set"
            raise ValueError(f"{self.name} has no setting {', '.join(unknown)}: {known}.")
        return {name: given.get(name, schema["default"]) for name, schema in self.settings.items()}


@dataclass(frozen=True, kw_only=True)
class Rule(_Rule):
    """A rule about one resource at a time, judged before the engine makes or changes it."""

    check: Callable[[Resource, Settings], Iterator[str]]

    def policy(self) -> Policy:
        """As Pulumi takes it."""

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            resource = Resource(
                token=args.resource_type,
                name=args.name,
                urn=args.urn,
                properties=plain(args.props),
                protect=args.opts.protect,
            )
            for sentence in self.check(resource, self._configured(args.get_config())):
                report(sentence, None)

        return ResourceValidationPolicy(validate=validate, **self._options())


@dataclass(frozen=True, kw_only=True)
class StackRule(_Rule):
    """A rule about resources together, judged when the engine knows all of them; a sentence comes with a URN."""

    check: Callable[[Sequence[Resource], Settings], Iterator[tuple[str, str]]]

    def policy(self) -> Policy:
        """As Pulumi takes it."""

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            resources = [
                Resource(
                    token=one.resource_type,
                    name=one.name,
                    urn=one.urn,
                    properties=plain(one.props),
                    protect=one.opts.protect,
                )
                for one in args.resources
            ]
            for sentence, urn in self.check(resources, self._configured(args.get_config())):
                report(sentence, urn)

        return StackValidationPolicy(validate=validate, **self._options())

"""Grants of Skupper: how long and how often they can be redeemed, and which of their fields exist.

Source: skupper:pkg/apis/skupper/v2alpha1/types.go (AccessGrantSpec), skupper:internal/kube/grants/grants.go,
skupper:config/crd/bases/skupper_access_grant_crd.yaml.
"""

import difflib
from collections.abc import Iterator

from .durations import seconds
from .resource import UNKNOWN, Resource, shown
from .rule import MANDATORY, Rule, Settings

FIELDS = ("redemptionsAllowed", "expirationWindow", "code", "issuer", "settings")


def is_grant(resource: Resource) -> bool:
    """Whether it is an AccessGrant."""
    return resource.is_kubernetes("skupper.io", "AccessGrant")


def window(resource: Resource, settings: Settings) -> Iterator[str]:
    """The window is set, is a duration, and is no longer than it may be."""
    found, maximum = resource.at("spec", "expirationWindow"), str(settings["maximumWindow"])
    if not is_grant(resource) or found is UNKNOWN:
        return
    here = f"{resource}: spec.expirationWindow is {shown(found)}"
    if found is None:
        yield f"{here}, so the controller's own 10 minutes count; set a duration of at most {maximum}."
        return
    length, longest = seconds(str(found)), seconds(maximum)
    if longest is None or longest <= 0:
        raise ValueError(f"grant-window has maximumWindow {shown(maximum)}, which is no duration such as 90m or 1h.")
    if length is None or length <= 0:
        yield f"{here}, which Skupper cannot read as a length of time; set a Go duration such as {maximum}."
    elif length > longest:
        yield f"{here}, which is longer than {maximum}; set {maximum} or less, and rotate if a standby comes too late."


def redemptions(resource: Resource, settings: Settings) -> Iterator[str]:
    """The number is set and no greater than it may be."""
    found, maximum = resource.at("spec", "redemptionsAllowed"), int(settings["maximumRedemptions"])
    if not is_grant(resource) or found is UNKNOWN:
        return
    here = f"{resource}: spec.redemptionsAllowed is {shown(found)}"
    if found is None:
        yield f"{here}, and Skupper 2.1 then refuses every redemption; set 1."
    elif not isinstance(found, int | float) or isinstance(found, bool) or found < 1:
        yield f"{here}, with which nobody can redeem the grant; set 1."
    elif found > maximum:
        yield f"{here}, so others can link with the code that one site has used; set {maximum}."


def fields(resource: Resource, _settings: Settings) -> Iterator[str]:
    """Every field of the spec is one that Skupper knows."""
    spec = resource.at("spec")
    if not is_grant(resource) or not isinstance(spec, dict):
        return
    for name in spec:
        if name not in FIELDS:
            close = next(iter(difflib.get_close_matches(name, FIELDS, n=1)), "")
            fix = f"write {close}" if close else "remove it"
            yield (
                f"{resource}: spec.{name} is no field of an AccessGrant, so the API server drops it on creation and "
                f"refuses it in every later apply; {fix}."
            )


RULES = (
    Rule(
        name="grant-window",
        description="A grant can be redeemed for a short time only.",
        level=MANDATORY,
        reason="Until it expires, whoever reads the code can link a site of their own. A standby's `up` takes minutes.",
        check=window,
        settings={
            "maximumWindow": {
                "type": "string",
                "default": "1h",
                "description": "The longest window, a Go duration.",
            }
        },
    ),
    Rule(
        name="grant-redemptions",
        description="A grant can be redeemed once.",
        level=MANDATORY,
        reason="One site redeems a grant. A second use is somebody else's, and nothing tells the two apart.",
        check=redemptions,
        settings={
            "maximumRedemptions": {
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "How often a grant may be redeemed.",
            }
        },
    ),
    Rule(
        name="grant-fields",
        description="A grant has only fields that Skupper knows.",
        level=MANDATORY,
        reason=(
            "`spec.securedAccess`, which manuals show, does not exist: a plain create drops it in silence, and the "
            "update of a rotation is refused."
        ),
        check=fields,
    ),
)

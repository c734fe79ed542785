"""Writes docs/policy.md from the rules of the policy pack: `python -m docs.generate.policy > docs/policy.md`."""

import json
import sys
from collections.abc import Iterator

from policy.rules import RULES

HEAD = """\
# Policy pack

`policy/` is a pack of policies for Pulumi's engine. It judges what `pulumi preview` and `pulumi up` are about to do. It
works for this program, and for any other that makes the same kinds of objects:

```sh
(cd policy && pulumi install)          # once: its virtual environment, policy/.venv
pulumi preview -s site-a --policy-pack policy
```

A grant that can be redeemed for a day ends the preview with exit code 1 and:

```
Policies:
    ❌ rhsi@v1.0.0 (local: policy)
        - [mandatory]  grant-window  (kubernetes:skupper.io/v2alpha1:AccessGrant: primary-site-b-grant)
          A grant can be redeemed for a short time only.
          AccessGrant rhsi/rhsi-site-b-grant-1: spec.expirationWindow is "24h", which is longer than 1h; \
set 1h or less, and rotate if a standby comes too late.
```

The lab has the pack installed: `python -m lab shell -- pulumi preview -s site-a --policy-pack policy`. Stacks of the
lab do not protect their data, so that they can be destroyed, and the preview warns of that.

A violation of a mandatory rule ends the command with an error; one of an advisory rule is a warning. Each message is
one sentence with the object, the field, its value and the fix, and never shows what may be a secret. The rules skip a
value that a preview does not know yet, and judge it in `up`. The tests hold every kind of stack of this program against
all rules: it violates no mandatory rule, and of the advisory rules only those about a setting that a person chose.

| rule | level | what it asks for | why |
|---|---|---|---|
"""
MIDDLE = """
## Levels and values

`--policy-pack-config FILE` takes a file in JSON. A rule has a level (`advisory`, `mandatory`, `disabled`), values, or
both. [policy/strict.json](../policy/strict.json) makes every rule mandatory, as a production stack may want it.

```json
{
  "data-protected": "mandatory",
  "grant-window": { "maximumWindow": "15m" },
  "secret-store-ca": { "enforcementLevel": "mandatory", "publiclyTrusted": ["vault.example.com"] }
}
```

Pulumi ends the command for a file that it cannot read, an unknown level and a value of another type; the pack does so
for a value that the rule does not have. Pulumi ignores the name of a rule that the pack does not have: compare the file
with the table above.

| rule | value | type | default | meaning |
|---|---|---|---|---|
"""
TAIL = """
## Exceptions

One resource may break a rule that counts for all others. Pulumi 3.274 and newer take exceptions by URN, in a file of
version 2, where the rules are below `policies`. `pulumi stack --show-urns` lists the URNs of what stands, and
`pulumi preview --json` those of what is new. The preview counts each exception as `[exempted]`.

```json
{
  "version": 2,
  "policies": { "data-protected": "mandatory" },
  "exceptions": {
    "slow-standby": {
      "reason": "A person carries the credentials to site-b.",
      "match": [
        {
          "policies": ["grant-window"],
          "targets": [
            "urn:pulumi:site-a::rhsi::rhsi:index:PrimarySite$rhsi:index:LinkGrant$\
kubernetes:skupper.io/v2alpha1:AccessGrant::primary-site-b-grant"
          ]
        }
      ]
    }
  }
}
```

## For a whole organization

`pulumi policy publish` in `policy/` gives the pack to an organization of Pulumi Cloud, whose policy groups then apply
it to stacks without an option on the command line. The pack imports nothing of this repository but its own folder.

`python -m docs.generate.policy > docs/policy.md` writes this page from `policy/rules/`.
"""


def page() -> str:
    """The whole page."""
    rules = [f"| `{one.name}` | {one.level.value} | {one.description} | {one.reason} |" for one in RULES]
    return HEAD + "\n".join(rules) + "\n" + MIDDLE + "\n".join(values()) + "\n" + TAIL


def values() -> Iterator[str]:
    """A row for each value that can be configured."""
    for rule in RULES:
        for name, schema in rule.settings.items():
            default = json.dumps(schema["default"])
            yield f"| `{rule.name}` | `{name}` | {schema['type']} | `{default}` | {schema['description']} |"


if __name__ == "__main__":
    sys.stdout.write(page())

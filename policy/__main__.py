"""The policy pack, as the engine starts it: `pulumi preview --policy-pack policy`. Its rules are in rules/."""

from pulumi_policy import PolicyPack
from rules import RULES

if __name__ == "__main__":
    PolicyPack("rhsi", policies=[rule.policy() for rule in RULES])

"""The operators of both API groups where OLM installs them, each by its Deployment."""

import logging

from lab.home import Home
from lab.stand_ins.cnpg.kinds import COMMUNITY, EDB, GROUPS
from lab.stand_ins.cnpg.operator import Operator
from lab.stand_ins.controller.installed import Found, Installed

DEPLOYMENTS = {
    "cnpg-controller-manager": COMMUNITY.name,
    # With the version behind it.
    "postgresql-operator-controller-manager-*": EDB.name,
}


def installed(context: str, home: Home, retry: float) -> Installed:
    """The operator of one kubeconfig context, for the groups that are installed; its parameters are the operator's.

    It begins anew when one of them is upgraded, and every server with it, as upstream restarts those without a replica.
    """

    def make(found: frozenset[Found]) -> Operator:
        there = {one.operator for one in found}
        groups = [group for group in GROUPS if group.name in there]
        return Operator(context, home, retry, groups, define=False)

    return Installed(context, DEPLOYMENTS, make, logging.getLogger(f"cnpg.{context}"))

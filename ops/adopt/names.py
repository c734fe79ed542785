"""What the program and the manual procedure call their things, for the plan to find them."""

from components.edb import names as edb
from components.link import claim, rotation
from components.namespace import OWNER_CONFIG_MAP as _OWNER
from components.postgres.replication import PRIMARY, STANDBY
from components.secret_store import STORE as _STORE
from components.skupper import network_observer
from components.vault import reader

LINK_PREFIX, LINK_SECRET = rotation.TOKEN_PREFIX, rotation.LINK_SECRET
"""The first is the name of the Link, its Secret and its AccessToken of the manual procedure, too."""
GRANT_BY_HAND = "rhsi-standby-grant"
CLAIM_JOB = claim.JOB_NAME
READER_ACCOUNT = reader.READER_ACCOUNT
STORE = _STORE
OWNER_CONFIG_MAP = _OWNER
OBSERVER = network_observer.OBSERVER
POSTGRES = (PRIMARY, STANDBY)
grant, database, routing_key = rotation.grant_name, edb.cluster_name, edb.routing_key


def delegator(namespace: str) -> str:
    """The ClusterRoleBinding by which the reader of a namespace may ask for the review of its token."""
    return reader.delegator_binding_name(READER_ACCOUNT, namespace)

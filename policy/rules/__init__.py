"""The rules of the policy pack, in the order in which docs/policy.md lists them.

The pack knows Kubernetes, Skupper, External Secrets and Vault, and nothing of this program: it judges what the engine
is about to do, whoever wrote it, and it can be published alone. So nothing here imports components/, and the modules
import each other relatively, for Pulumi's host has the pack's folder on its path, whatever it is called.
"""

from . import data, external_secrets, grants, plain_secrets, pods, replication, secret_stores, vault_logins

RULES = (
    *grants.RULES,
    *vault_logins.RULES,
    *external_secrets.RULES,
    *secret_stores.RULES,
    *replication.RULES,
    *data.RULES,
    *plain_secrets.RULES,
    *pods.RULES,
)

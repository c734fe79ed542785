"""Who logs in to the streaming database, and the Secret in which each login is.

Owns the names only; who makes the passwords and who applies them is up to database.py, server.sh and upkeep.sh.
"""

DATABASE = "app"
APPLICATION_USER = "appuser"
REPLICATION_USER = "replicator"
APPLICATION_SECRET = "postgres-application"  # noqa: S105 -- the name of an object, no secret
REPLICATION_SECRET = "postgres-replication"  # noqa: S105 -- the name of an object, no secret
# Secret -> the user in it, and the database that this user connects to.
USERS = {APPLICATION_SECRET: APPLICATION_USER, REPLICATION_SECRET: REPLICATION_USER}
DATABASES = {APPLICATION_SECRET: DATABASE, REPLICATION_SECRET: "postgres"}
# As whom the exporter reads; it has no password and logs in through the socket in the pod.
MONITOR = "rhsi_monitor"
USER_SECRET_PREFIX = "postgres-user-"  # noqa: S105 -- the beginning of names


def user_secret(user: str) -> str:
    """The Secret of a user of `rhsi:postgres.users`; no two share one, for a user's name has no hyphens."""
    return f"{USER_SECRET_PREFIX}{user.replace('_', '-')}"

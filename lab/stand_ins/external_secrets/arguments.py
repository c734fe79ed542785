"""How the lab runs the real External Secrets controller, whoever starts it."""

# Only what the lab's definitions cover: a reconciler without its definition makes the controller give up.
FEATURES_OFF = (
    "enable-cluster-external-secret-reconciler",
    "enable-cluster-push-secret-reconciler",
    "enable-push-secret-reconciler",
    "enable-generator-state",
)


def arguments(address: str) -> list[str]:
    """The controller's arguments; it serves its health at that address."""
    return ["--metrics-addr=0", f"--live-addr={address}", *(f"--{feature}=false" for feature in FEATURES_OFF)]

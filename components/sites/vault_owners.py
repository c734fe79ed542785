"""What a stack claims in Vault before it writes there (components/vault/ownership.py)."""

from components.edb.registry import TOKEN_PATH
from components.owner import Owner
from components.settings import Settings
from components.vault.ownership import OTHER_ENVIRONMENT, OTHER_SITE, VaultOwnerArgs


def primary_owner_args(settings: Settings, owner: Owner, standby: str) -> VaultOwnerArgs:
    """The primary's claim on what it writes for a standby."""
    return VaultOwnerArgs(
        owner=owner,
        mount=settings.vault.mount,
        existing=not settings.vault.manage_mount,
        path=settings.vault.below(f"{standby}/owner-primary"),
        claimed=f"What a primary writes for {standby}",
        give=OTHER_ENVIRONMENT,
    )


def token_owner_args(settings: Settings, owner: Owner) -> VaultOwnerArgs:
    """The primary's claim on the registry's token, which all its standbys read."""
    return VaultOwnerArgs(
        owner=owner,
        mount=settings.vault.mount,
        existing=not settings.vault.manage_mount,
        path=settings.vault.below(f"{TOKEN_PATH}-owner"),
        claimed="The registry's token",
        give=OTHER_ENVIRONMENT,
    )


def standby_owner_args(settings: Settings, owner: Owner) -> VaultOwnerArgs:
    """The claim of a standby without a login of its own, whose policy would say whose the site is."""
    return VaultOwnerArgs(
        owner=owner,
        mount=settings.vault.mount,
        existing=True,
        path=settings.vault.below(f"{settings.site}/owner-standby"),
        claimed=f"The standby {settings.site}",
        give=OTHER_SITE,
    )

"""The link of two sites: the grant on the primary, the claim on the standby, and what rotates and revokes both."""

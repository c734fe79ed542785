"""Vault, or OpenBao: the KV v2 mount, what is written into it, and the way in for one cluster's service account."""

"""The vault provider: the resources that connect a cluster to Vault or OpenBao, by the HTTP API."""

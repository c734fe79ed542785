# The rights in Vault of whoever runs `pulumi` on the stacks. An administrator writes it once:
#
#   vault policy write rhsi-operator deploy/operator-policy.hcl
#
# `pulumi preview` needs none of it: a token with Vault's own default policy is enough. With `--refresh` it reads what `up` made.
# Replace rhsi where rhsi:vault.mount says otherwise, and kubernetes-* where rhsi:vault.authPath does.

# The primary: the KV v2 mount. Unnecessary with `rhsi:vault.manageMount: false`.
path "sys/mounts/rhsi" {
  capabilities = ["create", "read", "update", "delete"]
}

path "sys/mounts/rhsi/tune" {
  capabilities = ["read", "update"]
}

# The primary: the credentials of each standby. Removing them removes their versions too.
path "rhsi/data/+/link-token" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/+/link-token" {
  capabilities = ["create", "read", "update", "delete"]
}

# The primary, with `rhsi:postgres`: the database's passwords for each standby.
path "rhsi/data/+/postgres-*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/+/postgres-*" {
  capabilities = ["create", "read", "update", "delete"]
}

# The primary, with rhsi:edb: the standby's logins, the shared authority, and EDB's token (unnecessary with
# `rhsi:edb.registry.manageToken: false`).
path "rhsi/data/+/edb-*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/+/edb-*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/data/edb-repos2" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/edb-repos2" {
  capabilities = ["create", "read", "update", "delete"]
}

# A standby: its auth mount. Vault demands sudo for enabling one. Unnecessary with `rhsi:vault.manageAuth: false`.
path "sys/auth" {
  capabilities = ["read"]
}

path "sys/auth/kubernetes-*" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

path "sys/mounts/auth/kubernetes-*" {
  capabilities = ["read", "update"]
}

path "auth/+/config" {
  capabilities = ["create", "read", "update"]
}

# A standby: its policy and role.
path "sys/policies/acl/rhsi-*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "auth/+/role/rhsi-*" {
  capabilities = ["create", "read", "update", "delete"]
}

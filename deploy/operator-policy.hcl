# The rights in Vault of whoever runs `pulumi` on the stacks. An administrator writes it once:
#
#   vault policy write pulumi-rhsi deploy/operator-policy.hcl
#
# `pulumi preview` needs none of it: a token with Vault's own default policy is enough. With `--refresh` it reads what `up` made,
# and with these rights it tells beforehand whose a path is.
#
# Names are exact, so that nothing else in this Vault can be changed. Replace `site-b` by the standby's rhsi:site, and repeat
# everything below the line "For each standby" for another one. Replace `rhsi` in paths where rhsi:vault.mount says otherwise,
# and `kubernetes-site-b` where rhsi:vault.authPath does. With another mount or a rhsi:vault.prefix, policy and role have
# another name than `rhsi-site-b`: `pulumi preview` shows it, docs/security.md says how it is made.
#
# With a rhsi:vault.authNamespace write everything about policy, role and auth mounts into a policy of that namespace, and the way
# down to the mount's before `rhsi/data` in the two texts of the site's policy, such as `links/rhsi/data/site-b/*`.
#
# The policy's own name must not be one that is granted below: whoever may write his own policy may do anything.

# The KV v2 mount. With `rhsi:vault.manageMount: false` leave both out, or whoever holds this can delete everybody's secrets.
path "sys/mounts/rhsi" {
  capabilities = ["create", "read", "update", "delete"]
  allowed_parameters = {
    "type" = ["kv"]
    "*"    = []
  }
}

path "sys/mounts/rhsi/tune" {
  capabilities = ["read", "update"]
}

# Whether the mount demands check-and-set; with `rhsi:vault.manageMount: false` only.
path "rhsi/config" {
  capabilities = ["read"]
}

# The primary, with `rhsi:edb` and EDB's operator: the registry's token, and whose it is. Unnecessary with
# `rhsi:edb.registry.manageToken: false`.
path "rhsi/data/edb-repos2" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/edb-repos2" {
  capabilities = ["read", "delete"]
}

path "rhsi/data/edb-repos2-owner" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/edb-repos2-owner" {
  capabilities = ["read", "delete"]
}

# A standby: which auth mounts there are.
path "sys/auth" {
  capabilities = ["read"]
}

# ---- For each standby ----

# Its folder: credentials of the link, passwords of the databases, what it publishes of its own tables, and whose it is.
# Removing a secret removes its versions too.
path "rhsi/data/site-b/*" {
  capabilities = ["create", "read", "update", "delete"]
}

path "rhsi/metadata/site-b/*" {
  capabilities = ["read", "list", "delete"]
}

# Which of the promised secrets are there; no values.
path "rhsi/metadata/site-b/" {
  capabilities = ["list"]
}

# Its auth mount and the configuration. Vault demands sudo for enabling one. Unnecessary with `rhsi:vault.manageAuth: false`; with
# `rhsi:vault.login: jwt` take the part below that begins with `sys/auth/jwt-site-b` instead of these.
path "sys/auth/kubernetes-site-b" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
  allowed_parameters = {
    "type" = ["kubernetes"]
    "*"    = []
  }
}

path "sys/mounts/auth/kubernetes-site-b/tune" {
  capabilities = ["read", "update"]
}

path "auth/kubernetes-site-b/config" {
  capabilities = ["create", "read", "update"]
}

# Its policy, in no other form than the program's: the first without EDB's registry, the second with it. Without this limit
# the policy could grant anything, to anybody who logs in at the auth mount.
path "sys/policies/acl/rhsi-site-b" {
  capabilities = ["create", "read", "update", "delete"]
  allowed_parameters = {
    "policy" = [
      "path \"rhsi/data/site-b/*\" {\n  capabilities = [\"read\"]\n}\n",
      "path \"rhsi/data/site-b/*\" {\n  capabilities = [\"read\"]\n}\n\npath \"rhsi/data/edb-repos2\" {\n  capabilities = [\"read\"]\n}\n"
    ]
  }
}

# Its role, with that policy and no other.
path "auth/kubernetes-site-b/role/rhsi-site-b" {
  capabilities = ["create", "read", "update", "delete"]
  allowed_parameters = {
    "token_policies" = [["rhsi-site-b"]]
    "*"              = []
  }
  denied_parameters = {
    "policies" = []
  }
}

# The same with `rhsi:vault.login: jwt`: auth mount, configuration and role; leave it out otherwise. With an existing store
# (`rhsi:vault.store`) a standby needs none of policy, role and auth mount, only its folder, where it leaves `owner-standby`.
path "sys/auth/jwt-site-b" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
  allowed_parameters = {
    "type" = ["jwt"]
    "*"    = []
  }
}

path "sys/mounts/auth/jwt-site-b/tune" {
  capabilities = ["read", "update"]
}

path "auth/jwt-site-b/config" {
  capabilities = ["create", "read", "update"]
}

path "auth/jwt-site-b/role/rhsi-site-b" {
  capabilities = ["create", "read", "update", "delete"]
  allowed_parameters = {
    "token_policies" = [["rhsi-site-b"]]
    "*"              = []
  }
  denied_parameters = {
    "policies" = []
  }
}

"""The program's building blocks, a module or folder for each subject.

`settings` reads and checks, `sites` composes, `outputs` tells other stacks; `link`, `skupper`, `vault`,
`external_secrets`, `operators`, `postgres` and `edb` each know one outside system, and the rest is what they share.

A source such as `skupper:internal/site/routeraccess.go` is a file in the repository of that project: github.com/
skupperproject/skupper, cloudnative-pg/cloudnative-pg, hashicorp/vault, pulumi/pulumi-kubernetes.
"""

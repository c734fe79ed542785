"""Red Hat's External Secrets Operator, emulated around the real External Secrets.

Works where OLM installs it (`python -m lab up --bare`). As upstream (openshift/external-secrets-operator:
pkg/controller/external_secrets), nothing runs until there is an ExternalSecretsConfig `cluster`; then the operator
makes the Deployment `external-secrets`, and what stands for its pod is the real controller, as a process. The
Deployment stays when operator or config go, so External Secrets works on, as on a real cluster. Of the config's spec
nothing is acted upon.
"""

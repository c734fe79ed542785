"""The Operator Lifecycle Manager, emulated: from a Subscription to a CSV, its CRDs and its Deployment.

One process runs both of its operators, `catalog` and `olm`, per kubeconfig context, with the states, reasons and
messages of the real ones (operator-framework/operator-lifecycle-manager at 992bb0977; `catalog/…` and `olm/…` in this
folder's comments are its pkg/controller/operators/catalog and olm). What stands for an operator's pods is the lab's
stand-in of that operator (lab/stand_ins/controller/installed.py).

Left out: copied CSVs, the operators' Roles, webhooks and APIServices, dependencies between packages, bundle unpacking,
OperatorGroups by label selector or with a service account, OperatorConditions, fail-forward upgrades, PackageManifests.
"""

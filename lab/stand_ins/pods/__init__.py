"""The stand-in for the kubelet: runs the pods of Jobs and StatefulSets as confined processes of this machine.

Works alone against any API server (`python -m lab.stand_ins.pods`). Owns the Node object `lab`, the pods bound to
it and their processes, and the folders that claims are given. Has no images: what a pod runs is this machine's
`/bin/sh` and its tools, with `kubectl`, `oc` and, where the image is one of PostgreSQL, its programs added. Has no
network of its own either: each pod has an address of the machine's loopback. `kubectl exec`, `logs` and `port-forward`
come by way of kubelet-streams (lab/servers/kubelet.py), whose questions about its pods it answers.
"""

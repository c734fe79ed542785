"""The stand-in for the kubelet: runs the pods of Jobs as confined processes of this machine.

Works alone against any API server (`python -m lab.pods --context ...`). Owns the Node object `lab`, the pods bound to
it and their processes. Has no images, no network of its own and no probes: what a pod runs is this machine's `/bin/sh`
and its tools, with `kubectl` and `oc` added.
"""

"""The lab: two sites on one machine, without a cluster, a container engine or an account.

A test bench around the program. It starts real servers (API servers, OpenBao, External Secrets), stands in for what
cannot run here (the Skupper controller and its network, the kubelet, and `pulumi` where that is absent), and runs the
program against them. Nothing in `components/` knows that it exists.
"""

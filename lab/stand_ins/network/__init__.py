"""The network of a lab's clusters, on loopback: addresses and names of Services, and the way to their pods.

Stands in for kube-proxy and the cluster's DNS. There are no network namespaces: all of 127.0.0.0/8 is loopback, so
every Service and every pod has an address in it on which anybody can listen and which everybody reaches.
"""

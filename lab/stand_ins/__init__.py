"""What stands in for programs that no registry serves or that need a cluster: each is a process of its own.

`skupper` and `cnpg` are controllers, `pods` the kubelet, `network` and `router` carry bytes; `controller` is the
machinery that the controllers share. How a process is started is the business of `lab.servers`.
"""

"""CloudNativePG's operator and its instance manager, emulated around real PostgreSQL 16 servers.

One process runs one operator per kubeconfig context. For every Cluster it makes the objects that the operator makes and
runs the servers itself, each in a root file system and a process namespace of its own, with the paths of a real pod. It
serves both API groups: the community's and EDB's. What it leaves to a real operator is listed in `operator.py`.
"""

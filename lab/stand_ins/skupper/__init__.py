"""The Skupper v2 controller, emulated: conditions, grants, redemption and links as the real one does them.

One process runs one controller per kubeconfig context, plus the simulated network between their sites. No router runs
and no router pod exists: `network` decides which links are up. Traffic through a link is not carried.
"""

"""Skupper v2: the site of a namespace, and the services that cross the network."""

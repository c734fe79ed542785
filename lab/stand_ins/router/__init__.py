"""The routers of all Skupper sites: the process that carries their TCP traffic.

A process of its own, as upstream's routers are: what it carries does not wait for the controllers' work, and goes on
while they are restarted. It knows no sites and no links, only the table that the controllers send (../skupper).
"""

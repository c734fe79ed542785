"""Measurements of the lab and of replication over its link, printed with their targets beside them."""

"""Measurements of the lab and of replication over its link, printed with the targets of docs/design.md beside them."""

"""Measurements of the lab, printed with the targets of docs/design.md beside them."""

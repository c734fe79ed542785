"""Rotations on the lab: done, watched, and repeated until something would wear out."""

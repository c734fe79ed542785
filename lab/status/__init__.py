"""What stands on the lab: read from its processes, API servers and databases, shown as a table and as JSON.

Writes nothing and shows nothing secret. Whatever is dead or does not answer is a line of the answer, never an error of
the question, and costs seconds, not minutes.
"""

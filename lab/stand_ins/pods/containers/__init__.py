"""One container: what it is told, as whom it runs, its process while it runs."""

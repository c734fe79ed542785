"""What keeps a container in: namespaces, a root file system, a user without powers. Standard library only."""

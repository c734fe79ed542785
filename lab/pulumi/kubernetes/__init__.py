"""The kubernetes provider: server-side apply, waits and replacements as pulumi-kubernetes has them."""

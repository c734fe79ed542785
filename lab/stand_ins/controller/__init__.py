"""What every controller of the lab is made of: API verbs, watched caches, a work queue, custom resource definitions."""

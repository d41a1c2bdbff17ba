"""Short verbs on a host that several runbooks share."""

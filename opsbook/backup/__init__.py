"""Backups on the operator's machine: what is in one, how it is sealed, and where it lies."""

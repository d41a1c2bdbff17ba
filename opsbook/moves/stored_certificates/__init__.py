"""The certificates that Caddy keeps: what lies in its storage, how each site stands, how a backup is made of it, and how it comes back.

`store` is the storage and what is in it, `standing` compares it with what is served, `backup` seals and opens a backup, `judging` says
whether a backup is what this host should have, and `restoring` swaps it in and proves it.
"""

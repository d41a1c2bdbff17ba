"""New certificates for Caddy's sites: whether they are needed and can be had, and how their orders go."""

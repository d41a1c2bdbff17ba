"""How safe a host is: what it shows to the world, who may log in, what its containers may do, who may read its secrets."""

"""The admin password that Caddy, Grafana and `.env` share, changed as one: found where each place has it, given to each, proven at each.

`wanted` is what the operator asked for, `users` who uses the password, `env_text` the `.env`, `front` how Caddy comes by the hash, `caddy`,
`grafana` give the new one to each, `old` proves the present one, `proof` are the sentences at the end, `clients` who else has it.
"""

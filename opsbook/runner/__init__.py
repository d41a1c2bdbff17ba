"""Run one runbook on its hosts: connect → lock → steps → proof → record closed.

`fleet` takes the hosts side by side, `one_host` is the order of things on one of them: `holding` its lock and record, `stepping` its steps,
`proving` its proof, `undoing` the way back; they share a `visit`. `guard` stands before its writes, `gate` asks once for all, `resume`
decides about an unfinished run, `peers` are the other hosts that it asks, `outcome` is how it ends and with which exit code.
"""

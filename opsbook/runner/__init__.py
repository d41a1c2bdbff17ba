"""Run one runbook on its hosts: connect → lock → steps → proof → record closed.

`fleet` takes the hosts side by side, `one_host` is the order of things on one of them, `guard` stands before its writes, `gate` asks
once for all, `resume` decides about an unfinished run, `outcome` is how it ends and with which exit code.
"""

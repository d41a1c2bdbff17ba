"""The command line.

`main` is the lazy group and the one place where errors become exit codes, `state` what commands share, `run_command` puts a run
together, `connect` plugs in the real things.
"""

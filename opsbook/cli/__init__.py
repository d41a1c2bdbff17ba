"""The command line.

`main` goes from words to an exit code, `workbook` is the lazy group of commands, `runbook_command` a runbook as one of them. `state` is
what commands know, `shared_options` what they understand. `run_command` puts a run together: `headline` is its first line, `making_job`
plugs everything in (`connect` the way to the hosts), `listeners` hear what happens, `conclusion` shows how it ended; `undo_run` goes back.
"""

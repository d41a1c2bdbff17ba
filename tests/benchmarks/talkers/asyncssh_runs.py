"""Runs commands by asyncssh; run by the Python in which it is installed."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import asyncssh


async def main(port: str, user: str, key: str, known_hosts: str) -> None:
    """Answer each line, a number, with the seconds of so many commands."""
    options = {"username": user, "client_keys": [key], "known_hosts": known_hosts, "agent_path": None, "config": None}
    async with asyncssh.connect("127.0.0.1", int(port), **options) as connection:
        for line in sys.stdin:
            seconds = []
            for _ in range(int(line)):
                begun = time.perf_counter()
                assert (await connection.run("true")).exit_status == 0
                seconds.append(time.perf_counter() - begun)
            sys.stdout.write(json.dumps(seconds) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

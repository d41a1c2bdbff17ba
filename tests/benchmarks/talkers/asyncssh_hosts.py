"""Runs one command on each of many hosts by asyncssh, so many at the same time; run by the Python in which it is installed."""

from __future__ import annotations

import asyncio
import sys

import asyncssh


async def one(turn: asyncio.Semaphore, name: str, port: str, user: str, key: str, known_hosts: str) -> str:
    """Return the host with its answer."""
    options = {"username": user, "client_keys": [key], "known_hosts": known_hosts, "agent_path": None, "config": None}
    async with turn, asyncssh.connect("127.0.0.1", int(port), **options) as connection:
        done = await connection.run("true")
        return f"{name} {done.exit_status}"


async def main(number: str, at_once: str, *way: str) -> None:
    """Print a line for each host."""
    turn = asyncio.Semaphore(int(at_once))
    for line in await asyncio.gather(*(one(turn, f"web{n}", *way) for n in range(int(number)))):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

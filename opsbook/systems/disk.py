"""File systems of the host: how much room is left."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.host import Read, Result
from opsbook.shell import cmd


@dataclass(frozen=True)
class Disk:
    """A file system, in bytes and inodes; without inodes (btrfs) both counts are 0."""

    mount: str
    source: str
    size: int
    free: int
    inodes: int
    free_inodes: int

    @property
    def free_share(self) -> float:
        """Return the share of bytes or of inodes that is left, the smaller one."""
        shares = [free / whole for free, whole in ((self.free, self.size), (self.free_inodes, self.inodes)) if whole]
        return min(shares, default=1.0)


def disks(*paths: str) -> Read[tuple[Disk, ...]]:
    """The file systems that hold the paths."""
    return Read(cmd("df", "--block-size=1", "--output=target,source,size,avail,itotal,iavail", "--", *paths), parse_disks)


def parse_disks(result: Result) -> tuple[Disk, ...]:
    """Given the table of `df`, return its rows; a mount point may hold spaces."""
    rows = (line.rsplit(maxsplit=5) for line in result.out.splitlines()[1:])
    return tuple(Disk(row[0], row[1], *(_number(field) for field in row[2:])) for row in rows)


def _number(field: str) -> int:
    return int(field) if field.isdigit() else 0

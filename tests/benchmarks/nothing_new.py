"""`reload-rules` where nothing is new, as a whole process, beside shell scripts that make the same remote calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.environments import Environment, environ
from tests.benchmarks.measure import Row, interleaved, process
from tests.benchmarks.place import Place
from tests.benchmarks.recording import record
from tests.benchmarks.twin import in_one_shell, one_by_one

AT_MOST = 1.5
HOST = "vps-i1"


def compare(product: Environment, place: Place, rounds: int) -> Iterator[Row]:
    """Yield a row for each script."""
    calls = record(place, "reload-rules", HOST)
    ssh, address = place.ssh_options(HOST), str(place.host(HOST).address)
    alone = _written(place.folder / "alone.sh", f"ssh {' '.join(ssh)} {address} bash <{place.folder}/remote.sh\n")
    _written(place.folder / "remote.sh", in_one_shell(calls))
    shared = _written(place.folder / "shared.sh", one_by_one(calls, ssh, address))
    found = interleaved(rounds, {
        "ours": process([product.program("opsbook"), "reload-rules", HOST, "--yes"], place.environ()),
        "alone": process(["bash", alone], environ()),
        "shared": process(["bash", shared], environ()),
    })  # fmt: skip
    what = f"reload-rules, nothing new ({len(calls)} remote calls)"
    yield Row(what, found["ours"], "all calls in one shell by one ssh", found["alone"], AT_MOST)
    yield Row(what, found["ours"], "an ssh for each call, one connection", found["shared"], None)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path

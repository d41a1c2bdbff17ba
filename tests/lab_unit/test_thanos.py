"""The stand-in for Thanos, as real processes on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from .standin_process import CONFIG, eventually, finished, free_address, prometheus, running, status, text

ULID = "01JD0000000000000000000000"
LOOPBACK = "127.0.0.1:1"


@dataclass(frozen=True)
class Sidecar:
    prometheus: str
    http: str
    grpc: str
    args: tuple[str, ...]


@pytest.fixture
def sidecar(tmp_path: Path) -> Sidecar:
    (tmp_path / "data").mkdir()
    bucket = tmp_path / "s3.yml"
    bucket.write_text(f"type: FILESYSTEM\nconfig:\n  directory: {tmp_path / 'bucket'}\n")
    at, http, grpc = free_address(), free_address(), free_address()
    said = {
        "prometheus.url": f"http://{at}",
        "prometheus.get_config_interval": "100ms",
        "tsdb.path": str(tmp_path / "data"),
        "objstore.config-file": str(bucket),
        "http-address": http,
        "grpc-address": grpc,
    }
    return Sidecar(at, http, grpc, ("sidecar", *(f"--{name}={value}" for name, value in said.items())))


def write_block(folder: Path, level: int = 1) -> Path:
    block = folder / ULID
    (block / "chunks").mkdir(parents=True)
    (block / "chunks" / "000001").write_bytes(b"chunk")
    (block / "index").write_bytes(b"index")
    meta = {"ulid": ULID, "version": 1, "minTime": 0, "maxTime": 1, "stats": {"numSamples": 5}, "compaction": {"level": level}}
    (block / "meta.json").write_text(json.dumps(meta))
    return block


def test_the_sidecar_says_first_that_it_is_not_the_real_thanos(tmp_path: Path, sidecar: Sidecar) -> None:
    with running(tmp_path, "thanos", *sidecar.args) as thanos:
        eventually(lambda: thanos.said("starting sidecar"), "it starts")
        first = thanos.log.read_text().splitlines()[0]
    assert 'level=warn msg="opsbook lab stand-in, not the real thanos"' in first


def test_the_sidecar_is_healthy_at_once_but_ready_only_with_its_prometheus(tmp_path: Path, sidecar: Sidecar) -> None:
    with running(tmp_path, "thanos", *sidecar.args):
        eventually(lambda: status(sidecar.http, "/-/healthy") == 200, "healthy")
        assert status(sidecar.http, "/-/ready") == 503
        assert "thanos_sidecar_prometheus_up 0\n" in text(sidecar.http, "/metrics")
        with prometheus(sidecar.prometheus):
            eventually(lambda: status(sidecar.http, "/-/ready") == 200, "ready")
            assert "thanos_sidecar_prometheus_up 1\n" in text(sidecar.http, "/metrics")
        eventually(lambda: status(sidecar.http, "/-/ready") == 503, "not ready again")
        assert status(sidecar.http, "/-/healthy") == 200


def test_the_sidecar_refuses_a_prometheus_that_compacts(tmp_path: Path, sidecar: Sidecar) -> None:
    with prometheus(sidecar.prometheus, longest="36h"), running(tmp_path, "thanos", *sidecar.args) as thanos:
        assert thanos.process.wait(10) == 1
        assert thanos.said("found that TSDB Max time is 36h and Min time is 2h. Compaction needs to be disabled")


def test_the_sidecar_accepts_unequal_blocks_when_told_to(tmp_path: Path, sidecar: Sidecar) -> None:
    args = (*sidecar.args, "--shipper.ignore-unequal-block-size")
    with prometheus(sidecar.prometheus, longest="36h"), running(tmp_path, "thanos", *args):
        eventually(lambda: status(sidecar.http, "/-/ready") == 200, "ready")


def test_the_sidecar_stops_without_external_labels(tmp_path: Path, sidecar: Sidecar) -> None:
    with prometheus(sidecar.prometheus, config="global:\n  scrape_interval: 2s\n"), running(tmp_path, "thanos", *sidecar.args) as thanos:
        assert thanos.process.wait(10) == 1
        assert thanos.said("no external labels configured")


def test_the_sidecar_cannot_read_the_configuration_of_prometheus_3(tmp_path: Path, sidecar: Sidecar) -> None:
    new = CONFIG.replace("global:\n", "global:\n  scrape_protocols:\n  - PrometheusText1.0.0\n")
    with prometheus(sidecar.prometheus, config=new), running(tmp_path, "thanos", *sidecar.args) as thanos:
        eventually(lambda: thanos.said("failed to fetch initial external labels"), "it complains")
        assert status(sidecar.http, "/-/ready") == 503


def test_the_sidecar_uploads_a_finished_block_with_its_labels_and_sizes(tmp_path: Path, sidecar: Sidecar) -> None:
    write_block(tmp_path / "data")
    meta = tmp_path / "bucket" / ULID / "meta.json"
    with prometheus(sidecar.prometheus), running(tmp_path, "thanos", *sidecar.args):
        eventually(lambda: "thanos_shipper_dir_syncs_total 1\n" in text(sidecar.http, "/metrics"), "synced")
        metrics = text(sidecar.http, "/metrics")
    assert "thanos_shipper_uploads_total 1\n" in metrics
    assert f'last_successful_upload_time{{bucket="fs: {tmp_path / "bucket"}"}} 1' in metrics
    shipped = json.loads(meta.read_text())["thanos"]
    assert shipped["labels"] == {"cluster": "p24", "replica": "vps-i1"}
    assert shipped["files"] == [
        {"rel_path": "chunks/000001", "size_bytes": 5},
        {"rel_path": "index", "size_bytes": 5},
        {"rel_path": "meta.json"},
    ]
    assert json.loads((tmp_path / "data" / "thanos.shipper.json").read_text())["uploaded"] == [ULID]


def test_the_sidecar_leaves_compacted_blocks_where_they_are(tmp_path: Path, sidecar: Sidecar) -> None:
    write_block(tmp_path / "data", level=2)
    with prometheus(sidecar.prometheus), running(tmp_path, "thanos", *sidecar.args):
        eventually(lambda: "thanos_shipper_dir_syncs_total 1\n" in text(sidecar.http, "/metrics"), "synced")
    assert not (tmp_path / "bucket" / ULID).exists()


def test_one_block_without_metadata_stops_every_upload(tmp_path: Path, sidecar: Sidecar) -> None:
    write_block(tmp_path / "data")
    (tmp_path / "data" / "01JD0000000000000000000001").mkdir()
    with prometheus(sidecar.prometheus), running(tmp_path, "thanos", *sidecar.args) as thanos:
        eventually(lambda: thanos.said("read metadata for block 01JD0000000000000000000001"), "it complains")
    assert not (tmp_path / "bucket" / ULID).exists()


def test_the_querier_answers_through_the_sidecar_with_its_labels(tmp_path: Path, sidecar: Sidecar) -> None:
    door = free_address()
    said = (f"--http-address={door}", f"--endpoint={sidecar.grpc}", "--query.replica-label=replica")
    with prometheus(sidecar.prometheus), running(tmp_path, "thanos", *sidecar.args), running(tmp_path, "thanos", "query", *said):
        eventually(lambda: well(door) == [sidecar.grpc], "the store is known and answers")
        assert status(door, "/-/ready") == 200
        answer = json.loads(text(door, "/api/v1/query?query=up"))
        assert answer["data"]["result"][0]["metric"] == {"__name__": "up", "job": "loki", "cluster": "p24"}
        assert status(door, "/api/v1/query?query=up(") == 400


def test_the_querier_names_an_endpoint_that_it_cannot_reach(tmp_path: Path) -> None:
    door = free_address()
    with running(tmp_path, "thanos", "query", f"--http-address={door}", f"--endpoint={LOOPBACK}"):
        eventually(lambda: "lastError" in text(door, "/api/v1/stores"), "it was tried")
        store = json.loads(text(door, "/api/v1/stores"))["data"]["unknown"][0]
        assert store["name"] == LOOPBACK
        assert "Connection refused" in store["lastError"]
        assert json.loads(text(door, "/api/v1/query?query=up"))["data"]["result"] == []


def test_a_terminated_thanos_leaves_with_code_0(tmp_path: Path, sidecar: Sidecar) -> None:
    with running(tmp_path, "thanos", *sidecar.args) as thanos:
        eventually(lambda: status(sidecar.http, "/-/healthy") == 200, "healthy")
        thanos.process.terminate()
        assert thanos.process.wait(10) == 0
        assert thanos.said("caught signal")


@pytest.mark.parametrize(
    ("args", "doubt"),
    [
        (("sidecar", "--output-dir", "/x"), "unknown long flag '--output-dir'"),
        (("sidecar", "--tsdb.path"), "expected argument for flag '--tsdb.path'"),
        (("sidecar", "extra"), "unexpected extra"),
        (("rewrite",), 'expected command but got "rewrite"'),
        ((), "command not specified"),
    ],
)
def test_a_command_line_that_thanos_does_not_take_ends_with_code_2(tmp_path: Path, args: tuple[str, ...], doubt: str) -> None:
    done = finished(tmp_path, "thanos", *args)
    assert done.returncode == 2
    assert doubt in done.stderr


@pytest.mark.parametrize(
    ("config", "doubt"),
    [
        ("type: S3\nconfig:\n  bucket: b\n", "no s3 endpoint in config file"),
        ("type: MAGIC\n", "bucket with type MAGIC is not supported"),
        ("type: S3\nconfig:\n  endpoint: $(NOT_SET_ANYWHERE)\n", "found reference to unset environment variable"),
    ],
)
def test_a_bad_bucket_configuration_stops_the_sidecar(tmp_path: Path, config: str, doubt: str) -> None:
    done = finished(tmp_path, "thanos", "sidecar", f"--objstore.config={config}", f"--http-address={free_address()}")
    assert done.returncode == 1
    assert doubt in done.stderr


def well(door: str) -> list[str]:
    """Return the sidecars that the querier at `door` reaches without an error."""
    stores = json.loads(text(door, "/api/v1/stores"))["data"].get("sidecar", [])
    return [store["name"] for store in stores if store["lastError"] is None]

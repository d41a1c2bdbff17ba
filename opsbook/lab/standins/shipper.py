"""The sidecar's shipper: copies finished blocks to the bucket, which is a folder here."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from .arguments import Flags
from .exposition import Metrics, labels
from .logfmt import Log
from .settings import expand_env, lookup
from .yamlsubset import parse

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
UPLOADED = "thanos_objstore_bucket_last_successful_upload_time"
OPERATIONS = "thanos_objstore_bucket_operations_total"
FAILURES = "thanos_objstore_bucket_operation_failures_total"
UPLOAD = labels({"operation": "upload"})


@dataclass(frozen=True)
class Bucket:
    """Where blocks go. A bucket of another type than FILESYSTEM has no folder and refuses every upload."""

    name: str
    folder: Path | None

    def place(self, block: str) -> Path:
        if self.folder is None:
            raise OSError(f"upload {block}: the stand-in has no way to S3")
        return self.folder / block

    def has(self, block: str) -> bool:
        return self.folder is not None and (self.folder / block / "meta.json").exists()


def open_bucket(flags: Flags) -> Bucket | None:
    """Given the objstore flags, return the bucket, or None where none is configured. Raise ValueError on a bad one."""
    path = flags.one("objstore.config-file")
    text = expand_env(Path(path).read_text(encoding="utf-8") if path else flags.one("objstore.config"))
    config = parse(text)
    if not config:
        return None
    kind = lookup(config, "type")
    if kind == "FILESYSTEM":
        folder = Path(str(lookup(config, "config", "directory")))
        return Bucket(f"fs: {folder}", folder)
    if kind != "S3":
        raise ValueError(f"create bucket client: bucket with type {kind} is not supported")
    if not lookup(config, "config", "endpoint"):
        raise ValueError("create bucket client: no s3 endpoint in config file")
    return Bucket(str(lookup(config, "config", "bucket")), None)


@dataclass(frozen=True)
class Shipper:
    data: str
    record: str
    bucket: Bucket
    log: Log
    metrics: Metrics

    def __post_init__(self) -> None:
        self.metrics.set(UPLOADED, 0, labels({"bucket": self.bucket.name}))
        self.metrics.set(OPERATIONS, 0, UPLOAD)
        self.metrics.set(FAILURES, 0, UPLOAD)
        for name in ("uploads", "upload_failures", "dir_syncs", "dir_sync_failures"):
            self.metrics.set(f"thanos_shipper_{name}_total", 0)

    def sync(self, external: dict[str, str]) -> None:
        """Upload what is new. One block that cannot be read stops all, as in the real shipper."""
        try:
            shipped = [block for block in self._finished() if self.bucket.has(block.name) or self._upload(block, external)]
            record = json.dumps({"version": 1, "uploaded": [block.name for block in shipped]}, indent="\t")
            Path(self.data, self.record).write_text(record, encoding="utf-8")
        except (OSError, ValueError) as error:
            self.log.line("warn", "", {"err": error, "uploaded": 0})
            return
        self.metrics.add("thanos_shipper_dir_syncs_total")

    def _finished(self) -> list[Path]:
        """Return the blocks that Prometheus cut from its head, oldest first."""
        blocks = sorted(path for path in Path(self.data).iterdir() if ULID.fullmatch(path.name))
        return [path for path in blocks if _is_fresh(_meta(path))]

    def _upload(self, block: Path, external: dict[str, str]) -> bool:
        self.metrics.add(OPERATIONS, of=UPLOAD)
        try:
            _copy(block, self.bucket.place(block.name), external)
        except OSError:
            self.metrics.add(FAILURES, of=UPLOAD)
            raise
        self.metrics.add("thanos_shipper_uploads_total")
        self.metrics.set(UPLOADED, time.time(), labels({"bucket": self.bucket.name}))
        self.log.line("info", "upload new block", {"id": block.name})
        return True


def _meta(block: Path) -> object:
    try:
        return json.loads((block / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"read metadata for block {block.name}: {error}") from error


def _is_fresh(meta: object) -> bool:
    """A block of level one that holds samples; the others are Prometheus's own compactions."""
    return lookup(meta, "compaction", "level") == 1 and bool(lookup(meta, "stats", "numSamples"))


def _copy(block: Path, target: Path, external: dict[str, str]) -> None:
    """Copy chunks, then the index, and the metadata last: a block without it is not there yet."""
    files = [*sorted((block / "chunks").iterdir()), block / "index"]
    for file in files:
        place = target / file.relative_to(block)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    sizes = [{"rel_path": str(file.relative_to(block)), "size_bytes": file.stat().st_size} for file in files]
    more = {
        "labels": external,
        "downsample": {"resolution": 0},
        "source": "sidecar",
        "segment_files": [file.name for file in files[:-1]],
        "files": [*sizes, {"rel_path": "meta.json"}],
    }
    meta = json.loads((block / "meta.json").read_text(encoding="utf-8"))
    (target / "meta.json").write_text(json.dumps({**meta, "thanos": more}, indent="\t"), encoding="utf-8")

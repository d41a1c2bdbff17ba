"""Queue depths by status, for Prometheus.

Reads a registry of queues at every poll, so that a queue is added, paused or removed without a rebuild.
An unreadable registry is reported as `queue_exporter_up 0`, never as queues that are empty.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1.0.0"


def queue_depths(registry):
    """Given the registry's rows, return {(queue, status): depth} of the active ones."""
    return {
        (row["label"], status): int(depth)
        for row in registry
        if row["active"]
        for status, depth in row["depth"].items()
    }


def poll(path):
    """Return whether the registry could be read, and its queue depths."""
    try:
        with open(path, encoding="utf-8") as file:
            return True, queue_depths(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"level=error msg=\"queue registry unreadable\" path={path} err={json.dumps(str(error))}")
        return False, {}


def escape(value):
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def exposition(up, depths):
    """Render the metrics in Prometheus's text format."""
    lines = [
        "# HELP queue_exporter_up Whether the last poll could read the queue registry.",
        "# TYPE queue_exporter_up gauge",
        f"queue_exporter_up {int(up)}",
        "# HELP queue_exporter_build_info The version that runs.",
        "# TYPE queue_exporter_build_info gauge",
        f'queue_exporter_build_info{{version="{VERSION}"}} 1',
        "# HELP queue_depth Rows of a queue by status.",
        "# TYPE queue_depth gauge",
    ]
    for (queue, status), depth in sorted(depths.items()):
        lines.append(f'queue_depth{{queue="{escape(queue)}",status="{escape(status)}"}} {depth}')
    return "\n".join(lines) + "\n"


class Poller(threading.Thread):
    """Polls the registry in the background and keeps the last exposition."""

    def __init__(self, path, seconds):
        super().__init__(daemon=True)
        self.path, self.seconds = path, seconds
        self.page = exposition(*poll(path))

    def run(self):
        pause = threading.Event()
        while not pause.wait(self.seconds):
            self.page = exposition(*poll(self.path))


def handler(poller):
    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path.split("?")[0] == "/metrics"
            body = (poller.page if found else "not found; try /metrics\n").encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """A scrape is not news."""

    return Metrics


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # process 1 of a container has no default handler
    poller = Poller(os.environ.get("QUEUES_FILE", "/etc/queue-exporter/queues.json"), float(os.environ.get("POLL_SECONDS", "60")))
    poller.start()
    port = int(os.environ.get("PORT", "9200"))
    print(f"level=info msg=\"queue exporter listening\" port={port} version={VERSION}")
    ThreadingHTTPServer(("", port), handler(poller)).serve_forever()


if __name__ == "__main__":
    main()

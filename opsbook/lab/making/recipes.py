"""The services' images: what each holds, and how it starts, as upstream's image does."""

from __future__ import annotations

from dataclasses import dataclass, replace

NOBODY, LOKI, GRAFANA, ROOT = 65534, 10001, 472, 0


def libraries(*names: str) -> tuple[str, ...]:
    """Return where shared libraries lie in a Debian root, on any architecture."""
    return tuple(f"usr/lib/*-linux-gnu/lib{name}.so.*" for name in names)


LIBC = ("usr/lib64/ld-*", "usr/lib/ld-*", "usr/lib/*-linux-gnu/ld-*", *libraries("c", "m", "resolv"))
PYTHON_LIBRARIES = libraries("z", "expat", "ffi", "bz2", "lzma", "ssl", "crypto", "uuid", "zstd")
PYTHON = ("usr/bin/python3*", "usr/lib/python3.*", *PYTHON_LIBRARIES)
BASH = ("usr/bin/bash", "usr/bin/grep", *libraries("tinfo", "pcre2-8"))
ZSTD = libraries("zstd")


@dataclass(frozen=True)
class Recipe:
    """One image: paths of the Debian root that it holds, and its settings."""

    name: str  # as the compose file says it
    holds: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    busybox: str = ""  # the folder of busybox's links; empty: the image has no shell
    data: tuple[tuple[str, int], ...] = ()  # folders and their owners
    settings: tuple[str, ...] = ()
    stand_in: str = ""  # the program that ours stands in for
    binary: str = ""  # where that program lies in the image
    links: tuple[tuple[str, str], ...] = ()  # further names of its programs


PROMETHEUS = Recipe(
    "prom/prometheus:v2.53.3",
    holds=(*LIBC, "usr/bin/prometheus", "usr/bin/promtool"),
    busybox="usr/bin",
    data=(("prometheus", NOBODY),),
    settings=(
        "USER 65534",
        "WORKDIR /prometheus",
        "VOLUME /prometheus",
        "EXPOSE 9090",
        'ENTRYPOINT ["/bin/prometheus"]',
        'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]',
    ),
)
ALERTMANAGER = Recipe(
    "prom/alertmanager:v0.28.1",
    holds=(*LIBC, "usr/bin/amtool", "usr/share/prometheus/alertmanager"),  # Debian's keeps its templates there
    renamed=(("usr/bin/prometheus-alertmanager", "usr/bin/alertmanager"),),
    busybox="usr/bin",
    data=(("alertmanager", NOBODY),),
    settings=(
        "USER 65534",
        "WORKDIR /alertmanager",
        "VOLUME /alertmanager",
        "EXPOSE 9093",
        'ENTRYPOINT ["/bin/alertmanager"]',
        'CMD ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"]',
    ),
)
BLACKBOX = Recipe(
    "prom/blackbox-exporter:v0.26.0",
    holds=LIBC,
    renamed=(("usr/bin/prometheus-blackbox-exporter", "usr/bin/blackbox_exporter"),),
    busybox="usr/bin",
    settings=(
        "EXPOSE 9115",
        'ENTRYPOINT ["/bin/blackbox_exporter"]',
        'CMD ["--config.file=/etc/blackbox_exporter/config.yml"]',
    ),
)
CADDY = Recipe(
    "caddy:2.6.2-alpine",
    holds=(*LIBC, *ZSTD, "usr/bin/caddy"),
    busybox="usr/bin",
    data=(("data", ROOT), ("config", ROOT), ("srv", ROOT)),
    settings=(
        "ENV XDG_CONFIG_HOME=/config",
        "ENV XDG_DATA_HOME=/data",
        "WORKDIR /srv",
        "EXPOSE 80 443 2019",
        'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
    ),
)
PYTHON_BASE = Recipe("python:3.12-alpine", holds=(*LIBC, *PYTHON), busybox="usr/bin", settings=('CMD ["python3"]',))
THANOS_IMAGE = Recipe(
    "quay.io/thanos/thanos:v0.36.1",
    busybox="usr/bin",
    settings=("USER 1001", 'ENTRYPOINT ["/bin/thanos"]'),
    stand_in="thanos",
    binary="usr/bin/thanos",
)
LOKI_IMAGE = Recipe(
    "grafana/loki:3.4.5",
    busybox="busybox",
    data=(("loki", LOKI),),
    settings=("USER 10001", "EXPOSE 3100", 'ENTRYPOINT ["/usr/bin/loki"]', 'CMD ["-config.file=/etc/loki/local-config.yaml"]'),
    stand_in="loki",
    binary="usr/bin/loki",
)
PROMTAIL_IMAGE = Recipe(
    "grafana/promtail:3.4.5",
    holds=BASH,
    settings=('ENTRYPOINT ["/usr/bin/promtail"]', 'CMD ["-config.file=/etc/promtail/config.yml"]'),
    stand_in="promtail",
    binary="usr/bin/promtail",
)
CADVISOR = Recipe(
    "ghcr.io/google/cadvisor:v0.60.5",
    busybox="usr/bin",
    settings=(
        "EXPOSE 8080",
        'ENTRYPOINT ["/usr/bin/cadvisor", "-logtostderr"]',
        "HEALTHCHECK --interval=5s --timeout=3s CMD wget -q -O /dev/null http://127.0.0.1:8080/healthz",
    ),
    stand_in="cadvisor",
    binary="usr/bin/cadvisor",
)
GRAFANA_IMAGE = Recipe(
    "grafana/grafana:12.0.2",
    holds=libraries("sqlite3"),
    busybox="usr/bin",
    data=(("var/lib/grafana", GRAFANA), ("var/log/grafana", GRAFANA), ("etc/grafana", ROOT)),
    settings=(
        "ENV PATH=/usr/share/grafana/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV GF_PATHS_CONFIG=/etc/grafana/grafana.ini",
        "ENV GF_PATHS_DATA=/var/lib/grafana",
        "ENV GF_PATHS_HOME=/usr/share/grafana",
        "ENV GF_PATHS_LOGS=/var/log/grafana",
        "ENV GF_PATHS_PLUGINS=/var/lib/grafana/plugins",
        "ENV GF_PATHS_PROVISIONING=/etc/grafana/provisioning",
        "WORKDIR /usr/share/grafana",
        "USER 472",
        "EXPOSE 3000",
        'ENTRYPOINT ["/run.sh"]',
    ),
    stand_in="grafana",
    binary="usr/share/grafana/bin/grafana",
    links=(
        ("run.sh", "usr/share/grafana/bin/grafana"),
        ("usr/share/grafana/bin/grafana-cli", "grafana"),
        ("usr/share/grafana/bin/grafana-server", "grafana"),
    ),
)
RECIPES = (PROMETHEUS, ALERTMANAGER, BLACKBOX, CADDY, PYTHON_BASE, THANOS_IMAGE, LOKI_IMAGE, PROMTAIL_IMAGE, GRAFANA_IMAGE, CADVISOR)


def real(recipe: Recipe) -> Recipe:
    """Return the recipe for a real program in the stand-in's place."""
    return replace(recipe, holds=(*recipe.holds, *LIBC), stand_in="")


def standing_in(recipe: Recipe) -> Recipe:
    """Return the recipe for the stand-in: Python is its runtime, and the image says what it is."""
    return replace(recipe, holds=(*recipe.holds, *LIBC, *PYTHON), settings=(*recipe.settings, "LABEL opsbook.stand-in=true"))

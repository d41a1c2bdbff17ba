"""What may be wrong with what the services do, told by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsbook.counted import counted
from opsbook.findings.finding import Finding, Severity
from opsbook.moves.triage.facts import Facts
from opsbook.moves.triage.words import age, several
from opsbook.systems.certificate import Certificate
from opsbook.systems.container import of

MOST = 5            # so many of a kind are listed
DAY = 86400
STARTING = 120      # seconds after its start in which a Prometheus may not have found its targets yet
LATE, TOO_LATE = (1 / 6, 21 * DAY), (1 / 20, 3 * DAY)   # of a certificate's life, and at most so many seconds, are left
ALWAYS_FIRING = frozenset({"Watchdog", "DeadMansSwitch"})
RELOADS = {"prometheus": "opsbook reload-rules", "alertmanager": "opsbook reload-alertmanager"}
WHY_DOWN = (
    ("connection refused", "the exporter is down, or listens on 127.0.0.1 only"),
    ("deadline exceeded", "a firewall drops it, or it is too slow"),
    ("no such host", "DNS, or another Compose network"),
    ("401", "its password has changed"),
)


def endpoints(f: Facts) -> Iterator[Finding]:
    """Services that run, and are well by Docker's word, but do not answer; while another one starts, they may only wait for it."""
    severity: Severity = "warn" if any(found.health == "starting" for found in f.own) else "bad"
    for name, seen in f.services.endpoints.items():
        found = of(f.own, name)
        well = found is not None and found.running and found.health in {"", "healthy"}
        if well and not seen.ok:
            yield Finding(severity, f"{name} runs but does not answer as it should", seen.saw, f"opsbook logs {name} {f.host}")


def reloads(f: Facts) -> Iterator[Finding]:
    """Services that refused their configuration and run an older one."""
    for name, last in f.services.reloads.items():
        if not last.ok:
            since = f"the last good one was {age(f.now - last.at)} ago" if last.at else ""
            yield Finding("bad", f"{name} refused its configuration and runs an older one", since, f"{RELOADS[name]} {f.host} --plan")


def rules(f: Facts) -> Iterator[Finding]:
    """A Prometheus that watches nothing, and rules that fail."""
    if f.services.rules is None:
        return
    running = [rule for group in f.services.rules for rule in group.rules]
    if not running:
        look = f"opsbook reload-rules {f.host} --plan"
        yield Finding("bad", "Prometheus runs no rule at all: nothing is watched", "do its rule_files match?", look)
    if failing := [rule for rule in running if rule.health == "err"]:
        saw = "\n".join(f"{rule}: {rule.error}" for rule in failing[:MOST])
        yield Finding("warn", f"{counted(len(failing), 'rule')} cannot be evaluated", saw, f"opsbook logs prometheus {f.host}")


def certificates(f: Facts) -> Iterator[Finding]:
    """Certificates that are over, or about to be, or missing."""
    for name, found in f.services.certificates.items():
        if found is None:
            yield Finding("bad", f"port 443 serves no certificate for {name}", next=_of_sites(f))
        elif severity := _lateness(found, f.now):
            left = found.ends - f.now
            end = f"ends in {age(left)}" if left > 0 else f"ended {age(-left)} ago"
            saw = f"from {found.issuer}" if found.issuer else ""
            yield Finding(severity, f"the certificate of {name} {end} and was not renewed", saw, _of_sites(f))


def _of_sites(f: Facts) -> str:
    """Return what tells more: check-endpoints knows the sites that the inventory names, what is stored for them, and which layer fails."""
    known = f.entry.stack is not None and f.entry.stack.sites
    return f"opsbook check-endpoints {f.host}" if known else f"opsbook logs caddy {f.host}"


def own_certificates(f: Facts) -> Iterator[Finding]:
    """Certificates of services that speak TLS by themselves, which nobody renews unasked."""
    for name, found in f.services.own_certificates.items():
        if severity := _lateness(found, f.now):
            left = found.ends - f.now
            end = f"ends in {age(left)}" if left > 0 else f"ended {age(-left)} ago"
            yield Finding(severity, f"the certificate of {name} {end}", next=f"opsbook generate-certs {f.host}")


def targets(f: Facts) -> Iterator[Finding]:
    """Targets that Prometheus cannot read."""
    known = f.services.targets
    if known is None:
        return
    if not known:
        yield _no_target(f)
    if down := [target for target in known if target.health == "down"]:
        saw = "\n".join(f"{target.job} {target.instance}: {_why(target.error)}" for target in down[:MOST])
        yield Finding("warn", f"{len(down)} of {counted(len(known), 'target')} down", saw, f"opsbook logs prometheus {f.host}")


def alerts(f: Facts) -> Iterator[Finding]:
    """Alerts that fire."""
    firing = [labels for labels in f.services.alerts or () if labels.get("alertname") not in ALWAYS_FIRING]
    if firing:
        critical = any(labels.get("severity") == "critical" for labels in firing)
        saw = "\n".join(_alert(labels) for labels in sorted(firing, key=lambda one: one.get("severity") != "critical")[:MOST])
        names = several(tuple(dict.fromkeys(labels.get("alertname", "?") for labels in firing)))
        fire = counted(len(firing), "alert fires", "alerts fire")
        yield Finding("bad" if critical else "warn", f"{fire}: {names}", saw, f"opsbook status {f.host}")


def checkout(f: Facts) -> Iterator[Finding]:
    """Files that somebody changed by hand."""
    if f.machine.changes and f.entry.stack is not None:
        look = f"ssh {f.host} git -C {f.entry.stack.checkout} diff"
        yield Finding("warn", "the checkout has changes that nobody committed", several(f.machine.changes, MOST), look)


def _no_target(f: Facts) -> Finding:
    found, look = of(f.own, "prometheus"), f"opsbook logs prometheus {f.host}"
    lived = max(f.now - found.started, 0.0) if found is not None and f.now else STARTING
    if found is not None and lived < STARTING:
        return Finding("warn", f"no target yet: Prometheus started {age(lived)} ago", next=f"opsbook triage {f.host}    (once more)")
    return Finding("bad", "Prometheus has no target: nothing is measured", next=look)


def _lateness(found: Certificate, now: float) -> Severity | None:
    left, life = found.ends - now, found.ends - found.starts
    if left < min(life * TOO_LATE[0], TOO_LATE[1]):
        return "bad"
    return "warn" if left < min(life * LATE[0], LATE[1]) else None


def _why(error: str) -> str:
    meant = next((meaning for sign, meaning in WHY_DOWN if sign in error.lower()), "")
    return f"{error} ({meant})" if meant else error or "not scraped yet"


def _alert(labels: Mapping[str, str]) -> str:
    where = " ".join(labels[name] for name in ("server", "instance", "job") if labels.get(name))
    return f"{labels.get('severity', '-')} {labels.get('alertname', '?')} {where}".rstrip()

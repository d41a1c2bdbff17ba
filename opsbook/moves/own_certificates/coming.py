"""New certificates on their way: made beside the old ones, given to their readers, put in place, shown by the services; and back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from opsbook.check import Seen
from opsbook.counted import counted
from opsbook.errors import NothingToUndo, Refused
from opsbook.host import Host
from opsbook.moves import giving
from opsbook.moves.mounts import stranded
from opsbook.moves.owing import owed
from opsbook.moves.own_certificates.judging import State, names, reasons_for_ca
from opsbook.moves.own_certificates.wanted import Wanted
from opsbook.systems import files, own_ca, ownership, rendered
from opsbook.systems.compose import compose
from opsbook.systems.own_ca import Certificate, Handshake, Pair

DUE, THERE, ABSENT, BEFORE, ISSUED = "due", "there_before", "absent_before", "prints_before", "issued"
MADE = "prints_made"


def remember(host: Host, state: State, due: Sequence[Wanted], days: int) -> None:
    """Keep what is made anew, and what was there; a rerun keeps what the first run saw."""
    if DUE in host.run.kept:
        return
    ca = [f"{state.folder}/ca.key", f"{state.folder}/ca.crt"] if reasons_for_ca(state, days) else []
    copies = dict.fromkeys(f"{one.cert.rpartition('/')[0]}/ca.crt" for one in due)
    paths = [*ca, *copies, *(path for one in due for path in (one.key, one.cert))]
    missing = set(host.read(rendered.absent(paths)))
    host.keep(**{
        DUE: [one.service.name for one in due],
        THERE: [path for path in paths if path not in missing],
        ABSENT: [path for path in paths if path in missing],
        BEFORE: {one.cert: state.there[one.cert].fingerprint for one in due},
    })  # fmt: skip


def chosen(host: Host, state: State) -> tuple[Wanted, ...]:
    """Return what this run makes anew."""
    return tuple(one for one in state.wanted if one.service.name in host.run.kept.get(DUE, ()))


def paths(host: Host) -> tuple[str, ...]:
    """Return the files that this run replaces or makes."""
    return (*host.run.kept.get(THERE, ()), *host.run.kept.get(ABSENT, ()))


def issue(host: Host, state: State, days: int) -> None:
    """Make keys and certificates beside the old ones, unless this run has."""
    if host.run.kept.get(ISSUED):
        host.say("already so: the new certificates are made", already=True)
        return
    may_sign = names(state.wanted) if reasons_for_ca(state, days) else ()
    pairs = [Pair(one.cert, one.key, one.names) for one in chosen(host, state)]
    name = f"opsbook CA of {host.stack.project} ({host.run.id})"
    order = own_ca.issue(state.folder, name, pairs, days, may_sign=may_sign)
    ca = ", by a new CA that every client has to trust" if may_sign else ""
    host.write(replace(order, about=f"give {', '.join(pair.cert for pair in pairs)} new keys and certificates{ca}"))
    host.keep(**{ISSUED: True})


def swap(host: Host, wanted: Sequence[Wanted]) -> None:
    """Put the new files in the place of the old ones, and keep what they are known by."""
    host.write(own_ca.swap(paths(host)))
    if not host.run.skipped:
        found = host.read(own_ca.inspect("", [(one.cert, one.key) for one in wanted]))
        host.keep(**{MADE: {path: one.fingerprint for path, one in found.items()}})


def nothing_waits(host: Host) -> Seen:
    """No new file waits beside the old ones."""
    staged = [ownership.staged(path) for path in paths(host)]
    waiting = sorted(set(staged) - set(host.read(rendered.absent(staged))))
    return Seen(not waiting, saw="\n".join(waiting))


def give(host: Host, wanted: Iterable[Wanted]) -> None:
    """Give each new key to the user that reads it."""
    for one in wanted:
        found = host.read(ownership.owner(ownership.staged(one.key)))
        if host.run.skipped or (found is not None and found.uid != one.uid):
            giving.give(host, one.key, one.uid, None, (one.container, *giving.everything(host)))


def restart(host: Host, wanted: Sequence[Wanted], replaced: Collection[str]) -> None:
    """Restart what shows an old certificate, or has a replaced file mounted alone."""
    for service in {**dict.fromkeys(_stale(host, wanted)), **dict.fromkeys(blind(host, replaced))}:
        project = compose(host.stack)
        with owed(host, f"start-{service}", project.start(service), about=f"restart {service}"):
            host.write(project.restart(service))


def blind(host: Host, replaced: Collection[str]) -> tuple[str, ...]:
    """Return the services that have seen none of these files since they were replaced, because they are mounted alone."""
    found = []
    for container in giving.everything(host):
        if alone := stranded(container, replaced):
            there = set(alone) - set(host.read(rendered.absent(alone)))
            if there and container.running and container.started < host.read(files.newest(there)):
                found.append(container.service)
    return tuple(found)


def shown(host: Host, wanted: Iterable[Wanted], *, ca: str = "", every_name: bool = False) -> dict[str, tuple[Handshake, ...]]:
    """Return the handshakes with each service, at its published port and at its container's own address."""
    found = {}
    for one in wanted:
        seats = _seats(one)
        asked = [(*seat, name) for seat in seats[:1] for name in (one.names if every_name else one.names[:1])]
        asked += [(*seat, one.names[0]) for seat in seats[1:]]
        found[one.service.name] = host.read(own_ca.handshakes(ca, asked))
    return found


def serves_what_lies_there(host: Host, wanted: Sequence[Wanted], there: dict[str, Certificate]) -> Seen:
    """Each service shows the certificate that is on the host's disk."""
    told = []
    for one in wanted:
        prints = {each.fingerprint for each in shown(host, [one])[one.service.name]}
        if prints != {there[one.cert].fingerprint}:
            told.append(f"{one.service.name} shows {'another certificate' if prints - {''} else 'no certificate'}")
    fix = f"opsbook restart-service {wanted[0].service.name} {host.name}" if wanted else ""
    return Seen(bool(wanted) and not told, saw="\n".join(told) or f"{counted(len(wanted), 'certificate')}", next=fix)


def has_made_any(kept: Mapping[str, object], p: object) -> bool:  # noqa: ARG001
    """Return whether the run has made a certificate."""
    return bool(kept.get(DUE))


def put_back(host: Host, there: dict[str, Certificate]) -> None:
    """Put the old files back; raise Refused where somebody has changed them since, NothingToUndo where this run has changed none."""
    kept = host.run.kept
    if not kept.get(DUE):
        raise NothingToUndo("this run made no certificate", host=host.name)
    for cert, before in kept[BEFORE].items():
        now = there[cert].fingerprint
        if now not in {before, kept.get(MADE, {}).get(cert, now)}:
            log = f"opsbook history --on {host.name}"
            raise Refused("another certificate has come since", saw=f"{cert} is neither the old one nor ours", next=log, host=host.name)
    host.write(own_ca.put_back(kept[THERE], kept[ABSENT]))


def _stale(host: Host, wanted: Sequence[Wanted]) -> list[str]:
    there = host.read(own_ca.inspect("", [(one.cert, one.key) for one in wanted]))
    return [one.service.name for one in wanted if not serves_what_lies_there(host, [one], there).ok]


def _seats(one: Wanted) -> list[tuple[str, int]]:
    """Return where the service is reached: as the host's programs, and as its clients on Docker's network do."""
    port, container = one.service.port, one.container
    published = [(found.address or "127.0.0.1", found.public) for found in container.ports if found.private == port]
    return [*published, *((address, port) for address in container.addresses.values())]

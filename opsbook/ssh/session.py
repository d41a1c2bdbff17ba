"""A command on the host: its channel, its input, its two outputs, its end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import paramiko

from opsbook.errors import CommandFailed, ConnectionLost
from opsbook.host import Result
from opsbook.shell import Command

CHUNK = 65536
LOCALE = "LC_ALL=C"     # whatever the host speaks: we read numbers with a point and messages in English
OPENING = 30            # seconds for the host to open one more channel
CHANNEL_REQUEST = b"\x62"       # SSH_MSG_CHANNEL_REQUEST, RFC 4254
LAST_WORD = 0.3         # seconds in which a dying connection says so


def begin(transport: paramiko.Transport, command: Command, within: float = OPENING) -> paramiko.Channel:
    """Start the command and return its channel; raise ConnectionLost, or CommandFailed when the host opens no more sessions."""
    return _begin(transport, "exec", f"{LOCALE} {command.line()}".encode(errors="surrogateescape"), within)


def begin_subsystem(transport: paramiko.Transport, name: str, within: float = OPENING) -> paramiko.Channel:
    """Start what sshd has under that name, and return its channel; raise as `begin` does."""
    return _begin(transport, "subsystem", name.encode(), within)


def _begin(transport: paramiko.Transport, kind: str, what: bytes, within: float) -> paramiko.Channel:
    channel = _open(transport, within)
    try:
        _ask_for(channel, kind, what, within)
    except TimeoutError:
        release(channel)
        raise
    except (paramiko.SSHException, EOFError, OSError) as error:
        release(channel)
        if is_alive(transport):
            word = "commands" if kind == "exec" else what.decode()
            raise CommandFailed(f"the host starts no {word} for this user", saw=str(error)) from None
        raise lost() from None
    return channel


def execute(transport: paramiko.Transport, command: Command, stdin: str | None, within: float) -> Result:
    """Run the command to its end; raise TimeoutError or ConnectionLost when it did not tell us its end."""
    started = time.monotonic()
    channel = begin(transport, command, within)
    try:
        out, err = _drain(channel, stdin, started + within)
        code = end(channel, transport, started + within - time.monotonic())
    finally:
        release(channel)
    return Result(code, text(out), text(err), time.monotonic() - started)


def end(channel: paramiko.Channel, transport: paramiko.Transport, within: float) -> int:
    """Return the exit code, -1 for a process that a signal killed; raise TimeoutError or ConnectionLost."""
    if not channel.status_event.wait(max(within, 0)):
        raise TimeoutError
    if channel.exit_status == -1 and not is_alive(transport):     # else a signal ended the process
        raise lost()
    return int(channel.exit_status)


def is_alive(transport: paramiko.Transport) -> bool:
    """Return whether the connection still stands; when one breaks, paramiko closes its channels before it says so."""
    transport.join(LAST_WORD)
    return bool(transport.is_active())


def lost() -> ConnectionLost:
    """Return the error for a connection that broke."""
    return ConnectionLost("the connection to the host broke", next="run the same command again")


def text(chunks: list[bytes]) -> str:
    """Return what the host printed; bytes that are no UTF-8 become �."""
    return b"".join(chunks).decode(errors="replace")


def release(channel: paramiko.Channel) -> None:
    """Close the channel, be it through a connection that is breaking at this moment."""
    with contextlib.suppress(OSError, EOFError):
        channel.close()


def hang_up(channel: paramiko.Channel) -> None:
    """Tell the command that no more input comes. paramiko's shutdown_write may say so after its reader thread has closed the channel
    of a command that ended at once, for which sshd ends the whole connection; under the channel's lock the order is kept."""
    with contextlib.suppress(OSError, EOFError), channel.lock:      # it has ended already
        last = channel._send_eof()      # nothing once the channel is closed
        if last is not None:
            channel.transport._send_user_message(last)


def _open(transport: paramiko.Transport, within: float) -> paramiko.Channel:
    try:
        return transport.open_session(timeout=within)
    except paramiko.ChannelException as refused:
        advice = "raise MaxSessions in the host's sshd_config"
        raise CommandFailed("the host opens no further session on this connection", saw=refused.text, next=advice) from None
    except (paramiko.SSHException, EOFError, OSError):
        if is_alive(transport):
            raise TimeoutError from None
        raise lost() from None


def _ask_for(channel: paramiko.Channel, kind: str, what: bytes, within: float) -> None:
    """Do what paramiko's exec_command and invoke_subsystem do, which wait for the host's answer for ever."""
    asked = paramiko.Message()
    asked.add_byte(CHANNEL_REQUEST)
    asked.add_int(channel.remote_chanid)
    asked.add_string(kind)
    asked.add_boolean(True)     # tell us whether it starts
    asked.add_string(what)
    channel._event_pending()
    channel.transport._send_user_message(asked)
    if not channel.event.wait(max(within, 0)):
        raise TimeoutError
    if not channel.event_ready:
        raise paramiko.SSHException("the request was refused")


def _drain(channel: paramiko.Channel, stdin: str | None, deadline: float) -> tuple[list[bytes], list[bytes]]:
    """Read both outputs side by side while the input is sent: each of the three alone could block the others."""
    if stdin is None:
        hang_up(channel)
    else:
        threading.Thread(target=_feed, args=(channel, stdin.encode(errors="surrogateescape")), daemon=True).start()
    out: list[bytes] = []
    err: list[bytes] = []
    news = News()
    channel.in_buffer.set_event(news)
    channel.in_stderr_buffer.set_event(news)
    ended = False
    while not ended:
        if not news.wait(deadline - time.monotonic()):
            raise TimeoutError
        ended = channel.eof_received or channel.closed      # asked before the last look: what comes first is read first
        _take(channel.recv_ready, channel.recv, out)
        _take(channel.recv_stderr_ready, channel.recv_stderr, err)
    return out, err


def _take(ready: Callable[[], bool], receive: Callable[[int], bytes], into: list[bytes]) -> None:
    while ready():
        into.append(receive(CHUNK))


class News:
    """One event for both outputs. The buffer that was emptied clears its event: here it must not, the other one may hold something."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.set = self._event.set

    def clear(self) -> None:
        """Do nothing."""

    def wait(self, within: float) -> bool:
        """Wait for news, and make it old; false when there is none in time."""
        came = self._event.wait(max(within, 0))
        self._event.clear()
        return came


def _feed(channel: paramiko.Channel, data: bytes) -> None:
    with contextlib.suppress(OSError, EOFError):    # the command ended without reading all of it
        channel.sendall(data)
    hang_up(channel)

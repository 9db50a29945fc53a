"""A port of this node that no other run of ours, nor anything else, listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from lrdash.errors import LrdashError

STEP = 100
"""Where to go on when a port is taken: indices of one sweep are next to each other."""
HIGHEST = 65535


class NoPortError(LrdashError):
    """Every port that the run may use is taken."""


@contextmanager
def reserved_port(preferred: int) -> Iterator[int]:
    """Hold `preferred`, or the next free one in steps of 100, until the context ends.

    The reservation is a name in the abstract socket namespace: it has the same scope as the port (one
    node, one network namespace; a private /tmp does not hide it), it is seen by every user, and the
    kernel drops it with the process that held it.

    Raises:
        NoPortError: none up to 65535 is free.
    """
    for port in range(preferred, HIGHEST + 1, STEP):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as reservation:
            if _reserves(reservation, port) and is_free(port):
                yield port
                return
    raise NoPortError(f"no free port on this node: {preferred}, {preferred + STEP}... are all taken")


def is_free(port: int) -> bool:
    """Whether nothing listens on the port; connections that linger after their end do not count."""
    return _can_bind(socket.AF_INET, port) and _can_bind(socket.AF_INET6, port)


def _can_bind(family: socket.AddressFamily, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind(("", port))
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # a node without IPv6 has no such port to lose
    return True


def _reserves(reservation: socket.socket, port: int) -> bool:
    try:
        reservation.bind(f"\0lrdash-port-{port}")
    except OSError:
        return False
    return True

"""Ports of runs that start on one node."""

from __future__ import annotations

import socket

import pytest

from lrdash.launch.port import STEP, NoPortError, is_free, reserved_port

PREFERRED = 21740  # below the range from which the kernel gives ports to clients


def test_the_preferred_port_is_taken_first() -> None:
    with reserved_port(PREFERRED) as port:
        assert port == PREFERRED


def test_two_runs_of_one_index_get_two_ports() -> None:
    with reserved_port(PREFERRED) as text, reserved_port(PREFERRED) as vision:
        assert (text, vision) == (PREFERRED, PREFERRED + STEP)
    with reserved_port(PREFERRED) as again:
        assert again == PREFERRED


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_on_which_a_stranger_listens_is_passed_over(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as stranger:
        stranger.bind((host, PREFERRED + 1))
        stranger.listen()
        assert not is_free(PREFERRED + 1)
        with reserved_port(PREFERRED + 1) as port:
            assert port == PREFERRED + 1 + STEP


def test_a_connection_that_lingers_does_not_count() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", PREFERRED + 2))
        server.listen()
        client = socket.create_connection(("127.0.0.1", PREFERRED + 2))
        connection, _ = server.accept()
        connection.close()  # the server closes first: TIME_WAIT is on its port
        client.close()
    assert is_free(PREFERRED + 2)


def test_no_port_at_all_is_told() -> None:
    with reserved_port(65535), pytest.raises(NoPortError, match="65535"), reserved_port(65535):
        pass

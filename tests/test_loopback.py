"""No test leaves this machine."""

import socket

import pytest

from loopback import LeftTheMachineError


def test_another_machine_is_out_of_reach() -> None:
    with socket.socket() as line, pytest.raises(LeftTheMachineError, match=r"192\.0\.2\.1"):
        line.connect(("192.0.2.1", 9))


def test_nobody_is_asked_for_a_name() -> None:
    with pytest.raises(LeftTheMachineError, match=r"mutoscope\.dev"):
        socket.getaddrinfo("mutoscope.dev", 25)


def test_a_name_that_nobody_has_is_not_found() -> None:
    with pytest.raises(socket.gaierror, match=r"mail\.example"):
        socket.getaddrinfo("mail.example", 25)


def test_this_machine_is_in_reach() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_connection(ours.getsockname()) as line,
    ):
        assert line.getpeername() == ours.getsockname()

"""No test leaves this machine."""

import socket

import pytest

from loopback import LeftTheMachineError


@pytest.mark.parametrize("host", ["192.0.2.1", "mutoscope.dev", "2001:db8::1"])
def test_another_machine_is_out_of_reach(host: str) -> None:
    with pytest.raises(LeftTheMachineError, match=host), socket.create_connection((host, 9)):
        pass


def test_a_name_that_nobody_has_is_not_found() -> None:
    with pytest.raises(socket.gaierror, match=r"mail\.example"):
        socket.getaddrinfo("mail.example", 25)


def test_this_machine_is_in_reach() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_connection(ours.getsockname()) as line,
    ):
        assert line.getpeername() == ours.getsockname()

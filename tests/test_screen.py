"""Tables of the terminal say so when there is nothing to list."""

import pytest

from mutoscope.cli.listing import NOTHING
from mutoscope.cli.screen import console, table


@pytest.mark.parametrize(("rows", "told"), [((), 1), (("INV-1",), 0)])
def test_an_empty_list_says_so(
    rows: tuple[str, ...], told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    made = table("number", title="Invoices")
    for row in rows:
        made.add_row(row)

    console().print(made)

    output = capsys.readouterr().out
    assert output.splitlines().count(NOTHING) == told
    assert "number" in output

"""What the house says on a page: addresses open, commands are told apart, all else is text."""

import pytest

from mutoscope.web.pages.marks import marked_up


def link(address: str) -> str:
    return f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'


@pytest.mark.parametrize(
    ("words", "markup"),
    [
        ("Type `mutoscope tools`.", "Type <code>mutoscope tools</code>."),
        ("Look: https://a.example/b.", f"Look: {link('https://a.example/b')}."),
        ("(http://a.example/?b=1&c=2)", f"({link('http://a.example/?b=1&amp;c=2')})"),
        ('https://a.example/"onclick=x', f"{link('https://a.example/')}&quot;onclick=x"),
        ("<b>javascript:alert(1)</b>", "&lt;b&gt;javascript:alert(1)&lt;/b&gt;"),
        ("a ` alone", "a ` alone"),
    ],
)
def test_only_addresses_and_what_is_to_be_typed_are_markup(words: str, markup: str) -> None:
    assert marked_up(words) == markup

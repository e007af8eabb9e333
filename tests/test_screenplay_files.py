"""Files of screenplays: encodings by rule, Final Draft, and what is refused whole."""

import codecs

import pytest

from mutoscope.domain.final_draft import MARKUP_FACTOR, BadFinalDraft
from mutoscope.domain.fine_tune import ShotSize
from mutoscope.domain.screenplay import TEXT_MAX, EmptyScreenplay, NotText, ScreenplayTooLong
from mutoscope.domain.screenplay_file import (
    BYTES_MAX,
    ScreenplayFileTooLarge,
    UnknownEncoding,
    read_screenplay,
    screenplay_of,
)
from mutoscope.domain.shots import shots

SCRIPT = "EXT. CAFÉ - NIGHT\n\nMara waits.\n\nMARA (O.S.)\n(softly)\nÇa va?\nOui.\n\nShe leaves.\n"
PARAGRAPHS = (
    ("Scene Heading", "EXT. CAFÉ - NIGHT"), ("Action", "Mara waits."), ("Character", "MARA (O.S.)"),
    ("Parenthetical", "(softly)"), ("Dialogue", "Ça va? Oui."), ("Action", "She leaves."),
    ("Transition", "CUT TO:"),
)  # fmt: skip


def final_draft(paragraphs: tuple[tuple[str, str], ...] = PARAGRAPHS, *, before: str = "") -> str:
    """Return a document of Final Draft, each word of a paragraph in a run of its own."""
    told = "".join(
        f'<Paragraph Type="{kind}"><Text>{text.replace(" ", "</Text><Text> ")}</Text></Paragraph>'
        for kind, text in paragraphs
    )
    return f'<?xml version="1.0"?>{before}<FinalDraft><Content>{told}</Content></FinalDraft>'


def test_dialogue_goes_with_the_action_that_it_follows() -> None:
    first, second = shots(screenplay=screenplay_of(text=SCRIPT))

    assert first.dialogue == "MARA: Ça va? Oui."
    assert second.dialogue == ""
    assert (first.shot_size, second.shot_size) == (ShotSize.WIDE, ShotSize.MEDIUM)


def test_dialogue_before_any_action_goes_with_what_comes() -> None:
    text = "EXT. SEA\n\nMARA\nListen.\n\nA wave.\n\nINT. HUT\n\nBEN\nYes.\n\nMARA\nNo.\n\nRain."

    found = shots(screenplay=screenplay_of(text=text))

    assert [shot.dialogue for shot in found] == ["MARA: Listen.", "BEN: Yes.\nMARA: No."]


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("Close-up of an eye.", ShotSize.CLOSE_UP),
        ("Close on an eye.", ShotSize.CLOSE_UP),
        ("Aerial view.", ShotSize.EXTREME_WIDE),
        ("A two-shot of them.", ShotSize.MEDIUM),
        ("Macro of a coin.", ShotSize.EXTREME_CLOSE_UP),
        ("Long shot of a road.", ShotSize.WIDE),
        ("Full shot of a dog.", ShotSize.FULL),
    ],
)
def test_a_shot_size_is_the_one_that_the_author_names(words: str, size: ShotSize) -> None:
    (shot,) = shots(screenplay=screenplay_of(text=words))

    assert shot.shot_size is size


@pytest.mark.parametrize("text", [SCRIPT, final_draft()])
@pytest.mark.parametrize(
    "content",
    [
        lambda text: text.encode(),
        lambda text: codecs.BOM_UTF8 + text.encode(),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.encode("cp1252"),
    ],
)
def test_a_file_is_read_alike_in_each_encoding_and_form(text: str, content: object) -> None:
    assert callable(content)

    assert read_screenplay(content=content(text)) == screenplay_of(text=SCRIPT)


@pytest.mark.parametrize(
    "content",
    [b"\x81\x8d\x8f", codecs.BOM_UTF8 + b"\xff", codecs.BOM_UTF16_LE + b"a"],
)
def test_bytes_that_are_no_text_are_refused(content: bytes) -> None:
    with pytest.raises(UnknownEncoding, match="save it as UTF-8"):
        read_screenplay(content=content)


def test_utf_16_without_its_mark_is_refused() -> None:
    with pytest.raises(NotText):
        read_screenplay(content="EXT. SEA".encode("utf-16-le"))


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, final_draft(()).encode()])
def test_an_empty_file_is_refused(content: bytes) -> None:
    with pytest.raises(EmptyScreenplay):
        read_screenplay(content=content)


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(ScreenplayFileTooLarge):
        read_screenplay(content=b"\xff" * (BYTES_MAX + 1))
    with pytest.raises(ScreenplayTooLong):
        screenplay_of(text="<FinalDraft>" + " " * TEXT_MAX * MARKUP_FACTOR)


BOMB = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]>'
FETCHING = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("before", [BOMB, FETCHING, "<!DOCTYPE FinalDraft>"])
def test_a_document_type_is_refused_before_anything_is_read(before: str) -> None:
    with pytest.raises(BadFinalDraft, match="a document type is declared"):
        screenplay_of(text=final_draft(before=before))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<FinalDraft><Content>", "no element found"),
        ("<FinalDraft></Content>", "mismatched tag"),
        ("<FinalDraft>&b;</FinalDraft>", "undefined entity"),
        ('<?xml version="1.0"?><html/>', "its root is 'html'"),
        ("<FinalDraft>\ud800</FinalDraft>", "not well-formed"),
    ],
)
def test_a_document_that_is_none_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(BadFinalDraft, match=reason):
        screenplay_of(text=text)


def test_nested_paragraphs_and_notes_are_left_out() -> None:
    note = "<ScriptNote><Paragraph><Text>Cut this.</Text></Paragraph></ScriptNote>"
    text = final_draft().replace("<Text>Mara", f"{note}<Text>Mara")

    assert screenplay_of(text=text) == screenplay_of(text=SCRIPT)


@pytest.mark.timeout(20)
def test_a_deeply_nested_document_is_read_in_its_length() -> None:
    depth = 100_000
    text = f"<FinalDraft>{'<a>' * depth}{'</a>' * depth}</FinalDraft>"

    with pytest.raises(EmptyScreenplay):
        screenplay_of(text=text)

"""What mail says, and what its values cannot do to it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from agon.commons.notifications import templates
from agon.kernel.errors import Refused

VALUES = {
    "site_name": "Agon",
    "email": "ada@example.org",
    "new_email": "lovelace@example.org",
    "inviter": "0x1234…abcd",
    "challenge": "“Run”",
    "link": "https://agon.example/verify?a=1&b=2",
    "code": "314159",
}
NASTY = '<script>alert("x")</script>&amp;'


class Elements(HTMLParser):
    """The tags, the links and the text of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_each_says_who_what_and_how_to_ignore_it(name):
    letter = templates.write(name, VALUES)
    page = Elements(letter.html)
    assert "Agon" in letter.subject
    assert "{" not in letter.subject + letter.text + page.text
    for shown in (letter.text, page.text):
        assert "ada@example.org" in shown
        assert "314159" in shown
        assert templates.TEMPLATES[name].closing in shown
    assert page.links == [VALUES["link"]]
    assert VALUES["link"] in letter.text.splitlines()
    assert "314159" not in letter.subject


def test_a_mail_that_can_be_ended_says_where():
    leave = "https://agon.example/reminders/unsubscribe?token=1&b=2"
    letter = templates.write("proof_deadline", VALUES, leave)
    assert leave in letter.text.splitlines()
    assert Elements(letter.html).links == [VALUES["link"], leave]
    with pytest.raises(Refused, match="mail_value_unfit"):
        templates.write("proof_deadline", VALUES, "javascript:alert(1)")


@pytest.mark.parametrize("name", templates.TEMPLATES)
@pytest.mark.parametrize("left_out", ["link", "code"])
def test_a_link_or_a_code_alone_is_enough(name, left_out):
    letter = templates.write(name, {**VALUES, left_out: None})
    assert VALUES[left_out] not in letter.text
    assert (Elements(letter.html).links == []) == (left_out == "link")


@pytest.mark.parametrize("name", templates.TEMPLATES)
def test_neither_is_a_mistake(name):
    with pytest.raises(ValueError, match="link or a code"):
        templates.write(name, {**VALUES, "link": None, "code": ""})


@pytest.mark.parametrize("key", ["site_name", "email", "new_email"])
def test_a_missing_value_is_a_mistake(key):
    with pytest.raises(ValueError, match=key):
        templates.write("email_change", {name: VALUES[name] for name in VALUES if name != key})


def test_an_unknown_template_is_a_mistake():
    with pytest.raises(ValueError, match="no mail template"):
        templates.write("spam", VALUES)


@pytest.mark.parametrize("key", ["site_name", "email", "code"])
def test_values_are_text_and_never_markup(key):
    page = Elements(templates.write("confirmation", {**VALUES, key: NASTY}).html)
    assert page.tags == {"html", "head", "meta", "title", "body", "p", "a", "strong"}
    assert NASTY in page.text


def test_values_are_no_format_either():
    letter = templates.write("invite", {**VALUES, "site_name": "{email.__class__}"})
    assert "{email.__class__}" in letter.subject


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\0", "\x1b[31m", "\u2028", "\u202e", "\x85"])
def test_a_value_stays_on_its_line(mark):
    letter = templates.write("magic_link", {**VALUES, "site_name": f"A{mark}Bcc: eve@x.example"})
    plain = templates.write("magic_link", {**VALUES, "site_name": "A Bcc: eve@x.example"})
    assert len(letter.subject.splitlines()) == 1
    assert len(letter.text.splitlines()) == len(plain.text.splitlines())
    assert mark == "\n" or mark not in letter.subject + letter.text


def test_values_are_bounded():
    letter = templates.write("magic_link", {**VALUES, "site_name": "x" * 5000})
    assert len(letter.subject) == templates.SUBJECT_CHARS_MAX
    assert len(letter.text) < 2000


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "//agon.example/",
        "https://agon.example/ x",
        "https://agon.example/\nhttps://eve.example/",
        "https://agon.example/ü",
        "https://agon.example/" + "x" * templates.LINK_CHARS_MAX,
    ],
)
def test_a_link_that_is_none_is_refused_as_a_clients_mistake(link):
    with pytest.raises(Refused) as caught:
        templates.write("confirmation", {**VALUES, "link": link})
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("mail_value_unfit", 422)


def test_words_are_not_printed_by_accident():
    assert "314159" not in repr(templates.write("confirmation", VALUES))

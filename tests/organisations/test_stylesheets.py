"""Style sheets made harmless: what is kept loads nothing, covers nothing, and ends no element."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.commons.organisations import stylesheets
from agon.commons.organisations.stylesheets import sanitise
from agon.kernel.errors import Refused

PIECES = [
    *"{}()[];:,.#@<>!*/\\\"'+~|= \n\t",
    "a", "b", "color", "red", "--x", "url(", "@import", "@media", "(width > 3px)", "</style>",
    "<!--", "-->", "/*", "*/", "expression(", "var(", "rgb(", "\\75rl(", "u\\72l(", "\\3c ",
    "position", "content", "behavior", "-moz-binding", "src(", "image-set(", "javascript:",
    "https://a.b/c", "!important", ":not(", ":has(", "1px", "50%", "#fff", "\0", "é", "\x7f",
    "background:", "a{color:red}", "U+26", "<style", "@font-face{src:",
]  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_whatever_comes_what_stays_is_harmless_and_stays(css):
    sheet = sanitise(css)
    for rule in re.findall(r"\{ (.*) \}", sheet.text):
        for declaration in rule.split("; "):
            name = declaration.partition(":")[0]
            assert name.startswith("--") or name in stylesheets.PROPERTIES, sheet.text
    quoted = re.sub(r'"[^"]*"', '""', sheet.text)
    # Names may be any: of a class or a colour that is called so nothing comes.
    functions = {name.lower() for name in re.findall(r"([A-Za-z-]+)\(", quoted)} - {"and", "or"}
    assert functions <= stylesheets.FUNCTIONS | stylesheets.PSEUDO | {"not", "only"}, sheet.text
    assert "<" not in sheet.text and "\\" not in sheet.text
    assert set(re.findall(r"@\w*", quoted)) <= {"@media"}
    assert sanitise(sheet.text) == stylesheets.Sheet(text=sheet.text, left_out=[])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_style_sheet_of_which_something_may_stay(css):
    sheet = sanitise(css)
    assert sanitise(sheet.text).text == sheet.text


@pytest.mark.parametrize(
    "css",
    [
        "a { background: url(https://evil.example/x) }",
        "a { background: u\\72l('x') }",
        "a { background-image: image-set('x' 1x) }",
        "a { --x: url(y); }",
        '@import "https://evil.example/x.css";',
        "@font-face { font-family: x; src: url(y) }",
        "@namespace svg url(x);",
        "@charset 'x';",
        "a { position: fixed; inset: 0; z-index: 9 }",
        "a::before { content: 'Send your wallet to' }",
        "a { width: expression(alert(1)) }",
        "a { behavior: url(x); -moz-binding: url(y) }",
        'a { font-family: "</style><script>alert(1)</script>" }',
        "a { font-family: '\\3c/style>' }",
        "</style><script>alert(1)</script>",
        "a { color: attr(href) }",
        "a { color: red; } <!-- } -->"[18:],
        "{" * 3000,
        "a{color:" + "(" * 9000,
        "a" + "[" * 9000,
        "@media (" * 1500,
        "a{color:calc" + "(calc" * 100 + ")" * 100 + "}",
    ],
)
def test_what_could_harm_leaves_nothing_but_a_word(css):
    sheet = sanitise(css)
    assert sheet.text == ""
    assert 1 <= len(sheet.left_out) <= stylesheets.TOLD_MAX
    assert all(re.match(r"\d+:\d+ ", line) and len(line) < 80 for line in sheet.left_out)


def test_what_is_harmless_stays():
    sheet = sanitise(
        ":root { --brand: #6B5CFF; }\n"
        'h1 > a:hover, nav a[href^="/org"]:not(.plain) { COLOR: var(--brand) !important;\n'
        "  background: linear-gradient(90deg, red, rgb(0 0 0 / 50%)); position: fixed }\n"
        "@media (max-width: 40em) { body { font: 14px/1.5 'Acme Sans', sans-serif } }\n"
    )
    assert sheet.left_out == ["3:62 position"]
    assert sheet.text == (
        ":root { --brand: #6B5CFF }\n"
        'h1 > a:hover, nav a[href^="/org"]:not(.plain) { color: var(--brand) !important; '
        "background: linear-gradient(90deg, red, rgb(0 0 0 / 50%)) }\n"
        "@media (max-width: 40em) {\n"
        'body { font: 14px/1.5 "Acme Sans", sans-serif }\n'
        "}"
    )


def test_a_sheet_is_bounded():
    rule = "a{color:red}"
    fits = rule * (stylesheets.CSS_BYTES_MAX // len(rule) // 2)
    assert sanitise(fits).text
    for css in (fits * 3, "é" * stylesheets.CSS_BYTES_MAX, rule * 1300):
        with pytest.raises(Refused, match="css_too_large"):
            sanitise(css)

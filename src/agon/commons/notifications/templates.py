"""What mail says: a subject, plain text, and the same as simple HTML. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from agon.kernel.errors import refuse

VALUE_CHARS_MAX = 320
"""Of names and addresses. An address has at most 320 characters (RFC 3696)."""
LINK_CHARS_MAX = 4096
SUBJECT_CHARS_MAX = 200

LINK_SCHEMES = ("https://", "http://")


@dataclass(frozen=True, kw_only=True)
class Template:
    """One kind of mail. Its paragraphs stand around the link and the code, whichever are given.

    A name in braces is a value that the mail needs. note: what holds for link and code.
    """

    subject: str
    opening: str
    action: str
    closing: str
    note: str = "It works once, and not for long."


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A mail's words."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


LEAVE = "No more mail of this kind"
IGNORE = "If you know nothing of this, do nothing: without you it goes no further."

TEMPLATES: Mapping[str, Template] = {
    "confirmation": Template(
        subject="Confirm your email address for {site_name}",
        opening="Somebody signed up for {site_name} as {email}. If it was you, confirm it.",
        action="Confirm my address",
        closing=IGNORE,
    ),
    "magic_link": Template(
        subject="Sign in to {site_name}",
        opening="Here is how you sign in to {site_name} as {email}.",
        action="Sign in",
        closing=IGNORE,
    ),
    "recovery": Template(
        subject="Set a new password for {site_name}",
        opening="Somebody asked for a new password for {email} at {site_name}.",
        action="Set a new password",
        closing="If it was not you, do nothing: your password stays as it is.",
    ),
    "invite": Template(
        subject="You are invited to {site_name}",
        opening="You are invited to join {site_name} as {email}.",
        action="Accept the invitation",
        closing="If you do not want to join, do nothing.",
    ),
    "email_change": Template(
        subject="Confirm the new email address of your {site_name} account",
        opening="The account {email} at {site_name} is to be known as {new_email} from now on.",
        action="Confirm the change",
        closing="If you did not ask for this, do not confirm it, and set a new password.",
    ),
    "first_address": Template(
        subject="Confirm your email address for {site_name}",
        opening="Somebody wants to add your address {email} to their account at {site_name}.",
        action="Add my address",
        closing="If it was not you, do not confirm it: you would enter the account of a stranger.",
    ),
    "reauthentication": Template(
        subject="Confirm that it is you, for {site_name}",
        opening="Something is about to change in the account {email} at {site_name}.",
        action="Confirm that it is me",
        closing="If you did not ask for this, tell nobody the code, and set a new password.",
    ),
    "challenge_invite": Template(
        subject="You are invited to a challenge at {site_name}",
        opening="{inviter} invites you, {email}, to {challenge} at {site_name}.",
        action="See the invitation",
        closing="If you do not know who that is, do nothing: you take part in nothing by yourself.",
        note="It is for you alone; whoever has it can accept in your place.",
    ),
    "reminder_confirmation": Template(
        subject="Do you want a reminder from {site_name}?",
        opening="Somebody asked {site_name} to remind {email} of {challenge}.",
        action="Yes, remind me",
        closing=IGNORE,
        note="Without a yes we forget it in a few days.",
    ),
    "proof_deadline": Template(
        subject="Your proof is due soon at {site_name}",
        opening="You ({email}) wanted to be reminded: proofs for {challenge} are due in hours.",
        action="Open the challenge",
        closing="Nothing else follows from this mail.",
        note="Who has handed in everything need not do more.",
    ),
    "finalization": Template(
        subject="A challenge at {site_name} has its outcome",
        opening="You ({email}) wanted to know: {challenge} at {site_name} is over.",
        action="See the outcome",
        closing="Nothing else follows from this mail.",
        note="If there is something for you to claim, the app tells you.",
    ),
}


def write(name: str, values: Mapping[str, str | None], unsubscribe: str | None = None) -> Letter:
    """The letter of a template.

    values: `site_name`, `email`, and what else it names; `link`, `code`, or both. unsubscribe:
    where its reader ends such mail.
    Raises Refused `mail_value_unfit` for a link that is none or too long; ValueError for a
    template that there is not, or a value that is missing.
    """
    template = TEMPLATES.get(name)
    if template is None:
        raise ValueError(f"there is no mail template {name!r}")
    link, code = _link(values.get("link")), _line(values.get("code") or "")
    leave = _link(unsubscribe)
    if not link and not code:
        raise ValueError(f"a mail of {name} needs a link or a code")
    words = _Words({key: _line(value) for key, value in values.items() if value})
    opening = template.opening.format_map(words)
    subject = template.subject.format_map(words)[:SUBJECT_CHARS_MAX]
    return Letter(
        subject=subject,
        text="\n\n".join([opening, *_text(template, link, code, leave)]) + "\n",
        html=_html(subject, opening, template, link, code, leave),
    )


class _Words(dict[str, str]):
    """Values by name; a missing one is a mistake of whoever calls."""

    def __missing__(self, name: str) -> str:
        raise ValueError(f"this mail needs the value {name}")


def _text(template: Template, link: str, code: str, leave: str) -> Iterator[str]:
    """Link and code each on a line of its own, so that programs and double clicks find them."""
    if link:
        yield f"Open this link:\n\n{link}"
    if code:
        yield f"{'Or enter' if link else 'Enter'} this code:\n\n{code}"
    yield template.note
    yield template.closing
    if leave:
        yield f"{LEAVE}:\n\n{leave}"


def _html(subject: str, opening: str, template: Template, link: str, code: str, leave: str) -> str:
    parts = [f"<p>{escape(opening)}</p>"]
    if link:
        parts.append(f'<p><a href="{escape(link)}">{escape(template.action)}</a></p>')
    if code:
        lead = "Or enter" if link else "Enter"
        parts.append(f"<p>{lead} this code: <strong>{escape(code)}</strong></p>")
    parts += [f"<p>{escape(words)}</p>" for words in (template.note, template.closing)]
    if leave:
        parts.append(f'<p><a href="{escape(leave)}">{LEAVE}</a></p>')
    head = f'<head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">{head}\n<body>\n{body}\n</body></html>\n'


def _line(text: str) -> str:
    """Text as one line of bounded length: no value breaks a header, or makes a line of its own."""
    shown = "".join(" " if _is_control(char) else char for char in text)
    return " ".join(shown.split())[:VALUE_CHARS_MAX]


def _is_control(char: str) -> bool:
    # Zl and Zp are line breaks of Unicode; Cf holds marks that turn the direction of writing.
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _link(link: str | None) -> str:
    if not link:
        return ""
    is_plain = link.isascii() and link.isprintable() and " " not in link
    if len(link) > LINK_CHARS_MAX or not is_plain or not link.startswith(LINK_SCHEMES):
        raise refuse(
            "mail_value_unfit",
            "The link of this mail is none, or too long.",
            details=f"{len(link)} characters; {LINK_CHARS_MAX} at most, http or https, encoded.",
            hint="Ask for a shorter redirect address.",
            status=422,
        )
    return link

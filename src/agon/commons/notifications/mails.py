"""Mail: queued with what caused it, sent by the worker, its words gone afterwards.

Mail servers know no idempotency. A worker that dies between sending and noting the receipt leaves
a mail that is sent again, so delivery is at least once; both copies carry one Message-ID, made
from the row's id, by which receivers can drop the second.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from agon.commons.notifications import folder, templates
from agon.kernel import keys, sealing, smtp
from agon.kernel.config import Settings
from agon.kernel.database import Conn
from agon.kernel.errors import Refused, refuse
from agon.kernel.jobs import Work
from agon.kernel.outside import Errand, Row

LINE_CHARS_MAX = 998
"""Of a line of a message (RFC 5322, 2.1.1): long links stay whole."""
LOCAL_SENDER = "Agon <agon@localhost>"

FORM = policy.SMTP.clone(max_line_length=LINE_CHARS_MAX, cte_type="7bit")


async def post(
    conn: Conn,
    *,
    to: str,
    template: str,
    values: Mapping[str, str | None],
    unsubscribe: str | None = None,
    idempotency_key: str | None = None,
) -> uuid.UUID:
    """Queue one mail in the caller's transaction, as the engine. Returns its id.

    template, values: see `templates.write`. unsubscribe: where its reader ends such mail, by GET
    for people and by POST for mail programs (RFC 8058). With a key that was used before, the first
    mail's id comes back and nothing is queued. Raises Refused `sealing_key_missing`,
    `mail_value_unfit`, `mail_key_used` (409); the database refuses a malformed address (23514).
    """
    letter = templates.write(template, values, unsubscribe)
    mail_id = uuid.uuid4()
    body = json.dumps({"text": letter.text, "html": letter.html, "unsubscribe": unsubscribe})
    sealed = sealing.seal(await keys.sealer(conn), body.encode(), _identity(mail_id))
    return await conn.fetchval(
        "select id from agon.queue_mail($1, $2, $3, $4, $5, $6)",
        mail_id,
        to,
        template,
        letter.subject,
        sealed,
        idempotency_key,
    )


def compose(
    row: Mapping[str, Any], body: Mapping[str, str | None], sender: Address
) -> EmailMessage:
    """The message of a mail's row. The same row always has the same Date and Message-ID."""
    name, _, domain = row["to_address"].rpartition("@")
    message = EmailMessage(policy=FORM)
    message["From"] = sender
    message["To"] = Address(username=name, domain=domain)
    message["Subject"] = row["subject"]
    message["Date"] = format_datetime(row["created_at"])
    message["Message-ID"] = f"<{row['id']}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe := body.get("unsubscribe"):
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(body["text"])
    message.add_alternative(body["html"], subtype="html")
    return message


def sender_of(settings: Settings) -> Address:
    """Who mail comes from. Raises Refused `configuration_wrong`."""
    text = settings["mail_from"]
    if text is None and settings["smtp_url"] is None:
        text = LOCAL_SENDER
    try:
        message = EmailMessage(policy=FORM)
        message["From"] = text or ""
        (address,) = message["From"].addresses
    except (ValueError, IndexError, MessageError) as error:
        raise _sender_wrong() from error
    if message["From"].defects or not address.username or not address.domain:
        raise _sender_wrong()
    return address


async def _deliver(work: Work, row: Row) -> None:
    """Hand one mail to the mail server, or to the folder."""
    runtime, settings = work.runtime, work.runtime.settings
    opened = sealing.open_sealed(runtime.sealing_keys, row["sealed_body"], _identity(row["id"]))
    message = compose(row, json.loads(opened), sender_of(settings))
    if settings["smtp_url"] is None:
        await folder.keep(runtime, message.as_bytes(), _name(row["created_at"], row["id"]))
    else:
        await smtp.deliver(smtp.read_url(settings["smtp_url"]), message)


async def _note_sent(_work: Work, conn: Conn, row: Row, _answer: None) -> None:
    await conn.execute("select agon.note_mail_sent($1)", row["id"])


SENDING = Errand(
    job="notifications.send_mail",
    load="agon.waiting_mail",
    act=_deliver,
    receipt=_note_sent,
    gave_up="agon.note_mail_failed",
    attempt_s=smtp.DELIVERY_S_MAX + smtp.CONNECT_S_MAX,
    attempts_max=14,  # 40 minutes, within which greylisting lets a mail pass
    final=(smtp.REJECTED,),
)


def _identity(mail_id: uuid.UUID) -> str:
    return f"mails:{mail_id}:body"


def _name(created_at: datetime, mail_id: uuid.UUID) -> str:
    """Of a mail's file: sorts by time, and is the same at a second attempt."""
    return f"{created_at:%Y%m%dT%H%M%S.%fZ}-{mail_id}"


def _sender_wrong() -> Refused:
    return refuse(
        "configuration_wrong",
        "AGON_MAIL_FROM must be one address, as in `Agon <no-reply@example.org>`.",
        hint="It is needed with AGON_SMTP_URL.",
        status=500,
    )

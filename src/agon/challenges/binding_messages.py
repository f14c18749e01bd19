"""What a wallet signs to bind an account: written by us, signed as it is (EIP-191), read back.

Pure: what time it is and which site is ours come as arguments, and a no is a value. A message has
one spelling: what is read must be what `write` makes of its parts. Only keys can sign: a contract
wallet (EIP-1271) answers on its chain, which this module does not ask.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agon.commons.people import siwe
from agon.kernel.canonical import canonical
from agon.kernel.errors import Refusal

AGE_MAX = timedelta(minutes=10)
"""How far `Issued At` may lie from now, either way."""
PURPOSE = "identity binding"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MESSAGE = re.compile(
    r"(?P<domain>[a-z0-9.:\[\]-]{1,260}) wants to bind a (?P<platform>[a-z]{1,20}) account to your "
    r"wallet\. This moves no funds\.\n"
    r"\n"
    rf"Purpose: {PURPOSE}\n"
    r"Domain: (?P=domain)\n"
    r"Wallet: (?P<wallet>0x[0-9a-f]{40})\n"
    r"Platform: (?P=platform)\n"
    r"Account: (?P<platform_id>[A-Za-z0-9_-]{1,128})\n"
    r"Nonce: (?P<nonce>[A-Za-z0-9_-]{22,64})\n"
    r"Issued At: (?P<issued_at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)",
    re.ASCII,
)
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is to be bound. domain: host, and port if there is one; wallet: in lower case;
    platform_id: the platform's own id of the account; nonce: as the binding was started with."""

    domain: str
    wallet: str
    platform: str
    platform_id: str
    nonce: str
    issued_at: datetime

    @property
    def ts(self) -> int:
        """Whole milliseconds since 1970, as many as the text shows."""
        return (self.issued_at - _EPOCH) // timedelta(milliseconds=1)


def write(message: Message) -> str:
    """The text that the wallet signs."""
    issued_at = message.issued_at.astimezone(UTC).isoformat(timespec="milliseconds")
    return "\n".join(
        (
            f"{message.domain} wants to bind a {message.platform} account to your wallet. "
            "This moves no funds.",
            "",
            f"Purpose: {PURPOSE}",
            f"Domain: {message.domain}",
            f"Wallet: {message.wallet}",
            f"Platform: {message.platform}",
            f"Account: {message.platform_id}",
            f"Nonce: {message.nonce}",
            f"Issued At: {issued_at.replace('+00:00', 'Z')}",
        )
    )


def verify(text: str, signature: str, *, domain: str, now: datetime) -> Message | Refusal:
    """The message, if it is one for this site and time and its own wallet has signed it.

    Refusals, all 400: `binding_malformed` for what is no message or no signature, and
    `binding_invalid`, its details one word: domain, issued_at, signature.
    """
    message = _read(text)
    if message is None or not _SIGNATURE.fullmatch(signature):
        return Refusal(
            code="binding_malformed",
            message="This is no binding message with its signature.",
            hint="Have the wallet sign the message as it was handed out; a signature is 0x and "
            "130 hexadecimal digits in lower case.",
        )
    if message.domain != domain:
        return _invalid("domain", "The message was signed for another site.")
    if abs(now - message.issued_at) > AGE_MAX:
        return _invalid("issued_at", "The message was issued too long ago, or in the future.")
    if signer_of(text, signature) != message.wallet:
        return _invalid("signature", "The signature is not one of the message's wallet.")
    return message


def countersigned_text(message: Message, text: str, handle: str | None) -> str:
    """The binding as canonical JSON (RFC 8785), which an operator signs (EIP-191) to vouch that
    the account is that of the wallet's owner. text: the message that the wallet signed."""
    return canonical(
        {
            "handle": handle,
            "message_hash": hashlib.sha256(text.encode()).hexdigest(),
            "platform": message.platform,
            "platform_id": message.platform_id,
            "ts": message.ts,
            "wallet": message.wallet,
        }
    ).decode()


def signer_of(text: str, signature: str) -> str | None:
    """The address, in lower case, that signed the text (personal_sign); None where none can have,
    or where the signature is no 65 bytes as 0x and lower-case hexadecimal digits."""
    if not _SIGNATURE.fullmatch(signature):
        return None
    return siwe.recover(text, bytes.fromhex(signature[2:]))


def _read(text: str) -> Message | None:
    found = _MESSAGE.fullmatch(text)
    if found is None:
        return None
    try:
        issued_at = datetime.fromisoformat(found["issued_at"])
    except ValueError:  # a day or an hour that does not exist
        return None
    parts = {name: found[name] for name in ("domain", "wallet", "platform", "platform_id", "nonce")}
    return Message(**parts, issued_at=issued_at)


def _invalid(details: str, message: str) -> Refusal:
    return Refusal(
        code="binding_invalid",
        message=message,
        details=details,
        hint="Start again, and sign the new message.",
    )

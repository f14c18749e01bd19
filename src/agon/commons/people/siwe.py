"""Sign-in with Ethereum: reading and checking a signed message (EIP-4361, EIP-191, EIP-55).

Pure: what time it is and which hosts are ours come as arguments, and a no is a value. The signature
is checked over the text as it was received. A contract wallet (EIP-1271) answers on its chain,
which this module does not ask: what it said is handed in.

Stricter than the grammar: a domain has no user info, and its letters are ASCII. Looser: the nonce
may be missing, as the published clients leave it out (each message works once anyway), and the
statement may be any line of printable text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from agon.kernel.errors import Refusal

MESSAGE_BYTES_MIN = 64
MESSAGE_BYTES_MAX = 20 * 1024
SIGNATURE_HEX_DIGITS = 130
"""65 bytes: r, s, and which of the two keys (0, 1, or 27, 28)."""
AGE_MAX = timedelta(minutes=10)
"""How far `Issued At` may lie from now, either way."""
RESOURCES_MAX = 64

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_URI = r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+"
_PCHARS = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*"
_MESSAGE = re.compile(
    r"(?:(?P<scheme>https?)://)?"
    r"(?P<domain>(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?)"
    r" wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9A-Fa-f]{40})\n"
    r"\n"
    r"(?:(?P<statement>[^\n]+)\n)?"
    r"\n"
    rf"URI: (?P<uri>{_URI})\n"
    r"Version: (?P<version>\d{1,9})\n"
    r"Chain ID: (?P<chain_id>[1-9]\d{0,76})"
    r"(?:\nNonce: (?P<nonce>[A-Za-z0-9]{8,}))?"
    rf"\nIssued At: (?P<issued_at>{_DATE})"
    rf"(?:\nExpiration Time: (?P<expiration_time>{_DATE}))?"
    rf"(?:\nNot Before: (?P<not_before>{_DATE}))?"
    rf"(?:\nRequest ID: (?P<request_id>{_PCHARS}))?"
    rf"(?:\nResources:(?P<resources>(?:\n- {_URI})*))?",
    re.ASCII,
)
_PLACE = re.compile(r"\s*(?P<scheme>https?)://(?:[^/?#@]*@)?(?P<netloc>[^/?#@\s]+)", re.IGNORECASE)
_SIGNATURE = re.compile(rf"(?:0x)?([0-9A-Fa-f]{{{SIGNATURE_HEX_DIGITS}}})")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message as it was signed. address: in lower case; domain: host, and port if there is one;
    chain_id: EIP-155; times: with their zones."""

    scheme: str | None
    domain: str
    address: str
    statement: str | None
    uri: str
    chain_id: int
    nonce: str | None
    issued_at: datetime
    expiration_time: datetime | None
    not_before: datetime | None
    request_id: str | None
    resources: tuple[str, ...]

    @property
    def until(self) -> datetime:
        """When this message stops to hold, whatever else."""
        oldest = self.issued_at + AGE_MAX
        return min(oldest, self.expiration_time) if self.expiration_time else oldest


def verify(
    text: str,
    signature: str,
    *,
    allowed_hosts: Collection[str],
    now: datetime,
    chain_ids: Collection[int] = (),
    by_contract: bool = False,
) -> Message | Refusal:
    """The message, if it holds here and now and its own address has signed it.

    allowed_hosts: as `hosts_of` makes them; chain_ids: the chains that are taken, all if empty;
    by_contract: the contract at that address says that the signature is its own.
    Refusals: `validation_failed` for what is no message or no signature, `web3_unsupported_chain`,
    and `invalid_credentials` for a message that does not hold, its details one word: signature,
    uri, host, domain, issued_at, expiration_time, not_before. All are 400.
    """
    message = parse(text)
    if isinstance(message, Refusal):
        return message
    unsigned = None if by_contract else _unsigned(message, text, signature)
    return (
        unsigned
        or _place(message, allowed_hosts)
        or _time(message, now)
        or _chain(message, chain_ids)
    )


def is_by_key(text: str, signature: str, address: str) -> bool:
    """Whether the key of an address (in lower case) signed the text: 65 bytes in hex digits."""
    digits = _SIGNATURE.fullmatch(signature)
    return digits is not None and recover(text, bytes.fromhex(digits[1])) == address


def _unsigned(message: Message, text: str, signature: str) -> Refusal | None:
    if _SIGNATURE.fullmatch(signature) is None:
        return _malformed(
            "A signature is 65 bytes in hexadecimal digits.",
            "A contract wallet (EIP-1271) signs in on the chain of this server, if it has one.",
        )
    if not is_by_key(text, signature, message.address):
        return _invalid("signature", "The signature is not one of the message's address.")
    return None


def parse(text: str) -> Message | Refusal:
    """The parts of a message that follows the grammar to the letter; else `validation_failed`."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return _malformed("The message is not text.")
    if not MESSAGE_BYTES_MIN <= len(text.encode()) <= MESSAGE_BYTES_MAX:
        return _malformed(f"A message has {MESSAGE_BYTES_MIN} to {MESSAGE_BYTES_MAX} bytes.")
    found = _MESSAGE.fullmatch(text)
    if found is None:
        return _malformed("This is not a message of EIP-4361.", "Its lines have one order.")
    if found["version"] != "1":
        return _malformed(f"Version {found['version']} of EIP-4361 is not known.")
    if not (found["statement"] or " ").isprintable():
        return _malformed("The statement holds signs that cannot be seen.")
    if not is_address(found["address"]):
        return _malformed("The address has a wrong checksum (EIP-55).", "Or use lower case.")
    return _read(found)


def _read(found: re.Match[str]) -> Message | Refusal:
    resources = (found["resources"] or "").split("\n- ")[1:]
    if len(resources) > RESOURCES_MAX:
        return _malformed(f"A message has at most {RESOURCES_MAX} resources.")
    try:
        times = {
            name: datetime.fromisoformat(found[name]) if found[name] else None
            for name in ("expiration_time", "not_before")
        }
        return Message(
            scheme=found["scheme"],
            domain=found["domain"],
            address=found["address"].lower(),
            statement=found["statement"],
            uri=found["uri"],
            chain_id=int(found["chain_id"]),
            nonce=found["nonce"],
            issued_at=datetime.fromisoformat(found["issued_at"]),
            request_id=found["request_id"],
            resources=tuple(resources),
            **times,  # type: ignore[arg-type]
        )
    except ValueError:
        return _malformed("A time of the message does not exist.", "Write times as RFC 3339.")


def recover(text: str, signature: bytes) -> str | None:
    """The address, in lower case, whose key signed the text (EIP-191, version 0x45); None where
    no key can have. signature: 65 bytes."""
    import coincurve  # it takes long to import, and most processes never need it

    last = signature[-1]
    number = last - 27 if last >= 27 else last
    if number not in (0, 1):
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:-1] + bytes([number]), digest(text), hasher=None
        )
    except ValueError:
        return None
    return "0x" + _keccak(key.format(compressed=False)[1:])[-20:].hex()


def digest(text: str) -> bytes:
    """What a wallet signs for a text (EIP-191, version 0x45): 32 bytes."""
    data = text.encode()
    return _keccak(b"\x19Ethereum Signed Message:\n%d" % len(data) + data)


def is_address(text: str) -> bool:
    """Whether this is an address in lower case, or in the mixed case of its checksum (EIP-55)."""
    if not re.fullmatch(r"0x[0-9A-Fa-f]{40}", text):
        return False
    return text == text.lower() or text == checksummed(text)


def checksummed(address: str) -> str:
    """The address in the mixed case of EIP-55."""
    plain = address[2:].lower()
    pairs = zip(plain, _keccak(plain.encode()).hex(), strict=False)
    return "0x" + "".join(sign.upper() if digit >= "8" else sign for sign, digit in pairs)


def hosts_of(urls: Collection[str]) -> frozenset[str]:
    """The hosts that a message may name, from the URLs that people may be sent to.

    A host has a port where it is not the scheme's own; `*.example.com` stands for one label. Where
    one URL is on this machine, every loopback name is taken, with any port. What is no http or
    https URL names no host.
    """
    hosts = set()
    for found in filter(None, map(_PLACE.match, urls)):
        netloc = found["netloc"].lower()
        if _bare(netloc) in LOOPBACK:
            hosts.update(LOOPBACK)
        else:
            hosts.add(_host(netloc, found["scheme"].lower()))
    return frozenset(hosts)


def _place(message: Message, allowed_hosts: Collection[str]) -> Refusal | None:
    try:
        uri = urlsplit(message.uri)
    except ValueError:
        return _invalid("uri", "The message's URI is none.")
    local = _bare(uri.netloc) in LOOPBACK
    if uri.scheme != "https" and not (local and uri.scheme == "http"):
        return _invalid("uri", "The message's URI does not begin with https.")
    if message.scheme not in (None, uri.scheme):
        return _invalid("domain", "The message was signed for another scheme than its URI's.")
    if _host(uri.netloc, uri.scheme) != _host(message.domain, uri.scheme):
        return _invalid("domain", "The message's domain is not that of its URI.")
    host = _host(uri.netloc, uri.scheme)
    known = {host, "*." + host.partition(".")[2]} | ({_bare(host)} if local else set())
    if known.isdisjoint(allowed_hosts):
        return _invalid("host", "The message was signed for another site.")
    return None


def _time(message: Message, now: datetime) -> Refusal | None:
    if abs(now - message.issued_at) > AGE_MAX:
        return _invalid("issued_at", "The message was issued too long ago, or in the future.")
    if message.expiration_time is not None and now >= message.expiration_time:
        return _invalid("expiration_time", "The message has expired.")
    if message.not_before is not None and now < message.not_before:
        return _invalid("not_before", "The message does not hold yet.")
    return None


def _chain(message: Message, chain_ids: Collection[int]) -> Message | Refusal:
    if chain_ids and message.chain_id not in chain_ids:
        return Refusal(
            code="web3_unsupported_chain",
            message=f"Chain {message.chain_id} is not one of this server's.",
            details="chain_id",
            hint="Switch the wallet to " + ", ".join(map(str, sorted(chain_ids))) + ".",
        )
    return message


def _host(netloc: str, scheme: str) -> str:
    own = ":443" if scheme == "https" else ":80"
    return netloc.lower().removesuffix(own)


def _bare(netloc: str) -> str:
    return re.sub(r":(\d+|\*)\Z", "", netloc.lower())


def _keccak(data: bytes) -> bytes:
    from eth_hash.auto import keccak  # loads a library of its own

    return keccak(data)


def _malformed(message: str, hint: str | None = None) -> Refusal:
    return Refusal(code="validation_failed", message=message, hint=hint)


def _invalid(details: str, message: str) -> Refusal:
    return Refusal(
        code="invalid_credentials",
        message=message,
        details=details,
        hint="Sign a new message for this site.",
    )

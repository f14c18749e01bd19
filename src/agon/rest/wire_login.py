"""What a login answers to the server's demands, until the server lets it in.

Pure: one conversation, fed with the server's messages in order.
"""

from __future__ import annotations

from agon.rest import scram, wire_messages

DONE, CLEAR, MD5, SASL, CONTINUE, FINAL = 0, 3, 5, 10, 11, 12


class LoginRefused(ConnectionError):
    """The server asks for a proof that we do not give, or does not prove itself."""


class Login:
    """One conversation. nonce: fresh randomness, printable ASCII without commas."""

    def __init__(self, password: str | None, nonce: str):
        self._password = password
        self._nonce = nonce
        self._proof: scram.Proof | None = None
        self._stage = "start"

    def answer(self, code: int, data: bytes) -> bytes | None:
        """The message that meets a demand, None where the server wants nothing. Raises
        LoginRefused."""
        match code, self._stage:
            # Without a demand before it this is `trust`: pg_hba.conf asks for no proof.
            case 0, ("start" | "proven"):
                self._stage = "done"
                return None
            case 10, "start":
                return self._begin(data)
            case 11, "begun":
                return self._prove(data)
            case 12, "proving":
                return self._check(data)
        raise LoginRefused(_WHY_NOT.get(code, f"the server asks for a proof of the kind {code}"))

    def _begin(self, data: bytes) -> bytes:
        if scram.MECHANISM.encode() not in data.split(b"\0"):
            raise LoginRefused(f"the server does not offer {scram.MECHANISM}")
        if not self._password:
            raise LoginRefused("the server asks for a password, and the URL has none")
        self._stage = "begun"
        return wire_messages.sasl_initial(scram.MECHANISM, scram.first_message(self._nonce))

    def _prove(self, data: bytes) -> bytes:
        try:
            self._proof = scram.prove(self._password or "", self._nonce, data)
        except scram.ServerUnproven as error:
            raise LoginRefused(str(error)) from error
        self._stage = "proving"
        return wire_messages.sasl_response(self._proof.message)

    def _check(self, data: bytes) -> None:
        assert self._proof is not None
        try:
            scram.check_server(self._proof, data)
        except scram.ServerUnproven as error:
            raise LoginRefused(str(error)) from error
        self._stage = "proven"


_AGAIN = "set password_encryption = 'scram-sha-256' and set the password again"
_WHY_NOT = {
    DONE: "the server lets us in without having proved that it knows the password",
    CLEAR: f"the server asks for the password in clear, which whoever answers could keep: {_AGAIN}",
    MD5: f"the server asks for an MD5 of the password, which can be turned back: {_AGAIN}",
    SASL: "the server begins the proof twice",
    CONTINUE: "the server continues a proof that was not begun",
    FINAL: "the server ends a proof that was not given",
}

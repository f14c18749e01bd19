"""A DNS server on loopback, for TXT records: what it does not know does not exist."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL_S = 60


@dataclass(kw_only=True)
class Names(asyncio.DatagramProtocol):
    """The running server. address: `host:port`; texts: TXT records by name, of which a name that
    exists may have none; broken: it answers SERVFAIL; silent: it answers nothing."""

    address: str = ""
    texts: dict[str, list[str]] = field(default_factory=dict)
    broken: bool = False
    silent: bool = False
    heard: list[str] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.heard.append(name)
        if self.silent:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif self.texts.get(name) and question.rdtype == dns.rdatatype.TXT:
            quoted = [f'"{text}"' for text in self.texts[name]]
            answer.answer.append(
                dns.rrset.from_text_list(question.name, TTL_S, "IN", "TXT", quoted)
            )
        elif name not in self.texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), address)  # type: ignore[attr-defined]


@asynccontextmanager
async def serve() -> AsyncIterator[Names]:
    """Run it on a free port of 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(Names, local_addr=("127.0.0.1", 0))
    names.address = "{}:{}".format(*transport.get_extra_info("sockname"))
    try:
        yield names
    finally:
        transport.close()

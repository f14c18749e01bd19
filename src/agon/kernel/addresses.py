"""Where the client for strangers may go: names, and which of their addresses are public."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aiohttp.abc import AbstractResolver, ResolveResult

from agon.kernel.errors import Refused, refuse

# The IPv6 addresses given out to the public (IANA); what else lies within them is taken out below.
IPV6_PUBLIC = ipaddress.IPv6Network("2000::/3")
IPV6_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # NAT64: the last 32 bits are IPv4
# Python 3.11 calls these global. 6to4 and Teredo carry an IPv4 address that nobody checks.
NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)


class Names(AbstractResolver):
    """The system's resolver, with a thread for each connection: names that are long in coming hold
    up nothing else of this process, nor each other."""

    def __init__(self, connections_max: int):
        self._threads = ThreadPoolExecutor(connections_max, "names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look = partial(
            socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        except UnicodeError as error:  # a label that is too long
            raise OSError(f"{host} is no name: {error}") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(place[0]),
                port=int(place[1]),
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, proto, _, place in found
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, save those of exempt (host, port) pairs."""

    def __init__(self, names: AbstractResolver, exempt: frozenset[tuple[str, int]]):
        self._names = names
        self._exempt = exempt

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.resolve(host, port, family)
        if (host, port) in self._exempt:
            return found
        public = [result for result in found if is_public(result["host"])]
        if not public:
            raise forbidden(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._names.close()


def is_address(host: str) -> bool:
    """Whether a host is a literal IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(host: str) -> bool:
    """Whether a literal IP address is one that the public internet routes to one machine.

    Not: private, loopback, link-local (clouds' metadata), shared, multicast, reserved,
    documentation and tunnel addresses, nor IPv6 forms of such IPv4 addresses.
    """
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            address = address.ipv4_mapped
        elif address in IPV6_TRANSLATED:
            address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        elif address not in IPV6_PUBLIC:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in NOT_PUBLIC)
    )


def forbidden(reason: str) -> Refused:
    """The refusal of an address that is not called."""
    return refuse(
        "outbound_forbidden_address",
        f"Agon does not call this address: {reason}.",
        hint="Use an https URL of a host on the public internet.",
    )

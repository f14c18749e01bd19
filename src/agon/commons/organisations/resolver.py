"""The outside party DNS: what TXT records say of a name."""

from __future__ import annotations

import re

import dns.asyncresolver
import dns.exception
import dns.resolver

from agon.kernel.errors import refuse

ANSWER_S_MAX = 5
DNS_PORT = 53
WITH_PORT = re.compile(r"(?:\[([^]]+)\]|([^:]+)):(\d{1,5})")


async def texts(server: str | None, name: str) -> list[str]:
    """The TXT records of a name; none where it has none, or does not exist.

    server: `address` or `address:port` of the resolver to ask; None asks the system's. Raises
    Refused `dns_unreachable` (503), which says nothing of the name.
    """
    try:
        answer = await _resolver(server).resolve(name, "TXT", lifetime=ANSWER_S_MAX, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise refuse(
            "dns_unreachable",
            "DNS does not say what stands there.",
            details=f"{name}: {type(error).__name__}: {error}"[:300],
            hint="It is tried again; AGON_DNS_RESOLVER names the resolver to ask.",
            status=503,
        ) from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _resolver(server: str | None) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=server is None)
    if server is not None:
        placed = WITH_PORT.fullmatch(server)
        resolver.nameservers = [placed[1] or placed[2] if placed else server]
        resolver.port = int(placed[3]) if placed else DNS_PORT
    return resolver

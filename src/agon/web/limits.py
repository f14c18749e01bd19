"""Requests per second: of each user, each key, and each address where nobody is signed in.

Counted in memory, so each serving process counts for itself. A caller who was quiet may send
BURST_S seconds' worth at once.
"""

from __future__ import annotations

import math
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from agon.kernel.config import Settings
from agon.kernel.errors import Refusal
from agon.web.callers import Caller

BURST_S = 5
COUNTED_MAX = 20_000
"""Users, or keys, or addresses that are counted at once."""
ADDRESSES_REMEMBERED = 4096
IPV6_NETWORK_BITS = 64
"""Who has one address of such a network has them all."""


class Meter:
    """One rate, for each of many names. per_s: 0 sets no limit."""

    def __init__(self, per_s: int):
        self._each_s = 1 / per_s if per_s else 0.0
        # Until when each has sent what it was let in with, had it kept to its rate.
        self._paid_until: dict[str, float] = {}

    def late_s(self, name: str, now_s: float, requests: int = 1) -> float:
        """How many seconds too early so many requests are; 0 or less lets them in. Those that come
        together wait for half a burst at most, however many they are, and are counted in full."""
        if not self._each_s:
            return 0.0
        owed_s = max(self._paid_until.get(name, 0.0) - now_s, 0.0)
        return owed_s + min(self._each_s * requests, BURST_S / 2) - BURST_S

    def count(self, name: str, now_s: float, requests: int = 1) -> None:
        """So many requests were let in."""
        if not self._each_s:
            return
        paid_until = max(self._paid_until.get(name, 0.0), now_s)
        self._paid_until[name] = paid_until + self._each_s * requests
        if len(self._paid_until) > COUNTED_MAX:
            self._forget(now_s)

    def _forget(self, now_s: float) -> None:
        """Drop those that owe nothing; if nearly all owe, the first quarter as well."""
        owing = [(name, until_s) for name, until_s in self._paid_until.items() if until_s > now_s]
        if len(owing) > COUNTED_MAX * 3 // 4:
            owing = owing[COUNTED_MAX // 4 :]
        self._paid_until = dict(owing)


class Limits:
    """The rates of all kinds together."""

    def __init__(self, *, user_per_s: int, key_per_s: int, address_per_s: int):
        self._users, self._keys = Meter(user_per_s), Meter(key_per_s)
        self._addresses = Meter(address_per_s)

    def wait_s(self, caller: Caller, address: str, now_s: float, requests: int = 1) -> float:
        """Count a request, or several: 0 lets them in, else they are this many seconds too early,
        and not counted.

        now_s: of a clock that never goes back.
        """
        counted = []
        if caller.user is not None:
            counted.append((self._users, caller.user))
        elif caller.actor.role != "service_role":
            counted.append((self._addresses, network_of(address)))
        if caller.key is not None:
            counted.append((self._keys, caller.key))
        late_s = max((meter.late_s(name, now_s, requests) for meter, name in counted), default=0.0)
        if late_s > 0:
            return late_s
        for meter, name in counted:
            meter.count(name, now_s, requests)
        return 0.0


def rates_of(settings: Settings) -> Limits:
    """What the configuration says."""
    return Limits(
        user_per_s=settings["requests_per_s_user"],
        key_per_s=settings["requests_per_s_key"],
        address_per_s=settings["requests_per_s_address"],
    )


def refusal(wait_s: float) -> Refusal:
    """What a request that is too early is told, and so many whole seconds to wait."""
    seconds = max(1, math.ceil(wait_s))
    return Refusal(
        code="rate_limited",
        message="Too many requests.",
        details=f"retry_after_s={seconds}",
        hint=f"Try again in {seconds} s. The limits are requests per second of each user, key and "
        "address.",
        status=429,
    )


@lru_cache(ADDRESSES_REMEMBERED)
def network_of(address: str) -> str:
    """Whose an address is: of IPv6 its network of IPV6_NETWORK_BITS, without a zone; of IPv4 it
    alone, also where it is written as IPv6. What is no address counts as it is written."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 128 - IPV6_NETWORK_BITS << 128 - IPV6_NETWORK_BITS))

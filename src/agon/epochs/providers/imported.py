"""Models that lie on IPFS: fetched by their content id, and believed only if their bytes make it.

No other addresses: what a URL shows today it need not show tomorrow.
"""

from __future__ import annotations

from agon.commons.content import gateway
from agon.epochs.providers.making import At, Made, Step, Wish
from agon.kernel.jobs import Work

NEEDS: tuple[str, ...] = ()
SCHEME = "ipfs://"


async def step(work: Work, wish: Wish, _at: At) -> Step:
    """The file that the wish names. Raises what `gateway.fetch` refuses."""
    cid = (wish.source_uri or "").removeprefix(SCHEME)
    data = await gateway.fetch(work.database, work.runtime, cid, published_only=True)
    return Step(made=Made(model=data))

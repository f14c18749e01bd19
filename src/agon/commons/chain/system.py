"""The manifest of `chain`."""

from agon.kernel.manifest import Setting, System

SYSTEM = System(
    name="chain",
    package="agon.commons.chain",
    floor="commons",
    rules=("chains.sql", "logs.sql"),
    settings=(
        Setting(
            name="rpc_url",
            kind="url",
            secret=True,
            help="JSON-RPC of the chain; without it nothing is on chain, and all else works.",
        ),
        Setting(
            name="chain_confirmations",
            kind="integer",
            default="12",
            minimum=0,
            maximum=10_000,
            help="Blocks on top of a transaction that make it final, and of a block, where the "
            "node does not say which are finalized.",
        ),
        Setting(
            name="chain_start_block",
            kind="integer",
            default="0",
            minimum=0,
            help="The first block to index on a chain that was not indexed before.",
        ),
        Setting(
            name="chain_poll_ms",
            kind="integer",
            default="2000",
            minimum=100,
            maximum=600_000,
            help="How often the chain is asked for a new head.",
        ),
    ),
)

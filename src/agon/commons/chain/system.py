"""The manifest of `chain`."""

from agon.kernel.manifest import Check, Host, Job, Setting, System

SYSTEM = System(
    name="chain",
    package="agon.commons.chain",
    floor="commons",
    rules=("chains.sql", "logs.sql", "signers.sql", "intents.sql", "sending.sql", "safe.sql"),
    jobs=(Job(name="chain.send", run="agon.commons.chain.sending:wake"),),
    hosts=(
        Host(name="chain.index", run="agon.commons.chain.indexing:run"),
        Host(name="chain.send", run="agon.commons.chain.sending:run"),
    ),
    commands=(("chain", "agon.commons.chain.commands:chain"),),
    checks=(
        Check(name="node", run="agon.commons.chain.checks:check_node"),
        Check(name="index", run="agon.commons.chain.checks:check_index"),
        Check(name="signer", run="agon.commons.chain.checks:check_signer"),
    ),
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
        Setting(
            name="safe_url",
            kind="url",
            help="The Safe transaction service that takes our proposals, where a Safe signs.",
        ),
        Setting(
            name="safe_api_key",
            secret=True,
            help="Sent to the Safe transaction service as Bearer, where it asks for one.",
        ),
        Setting(
            name="chain_stuck_s",
            kind="integer",
            default="90",
            minimum=1,
            maximum=86_400,
            help="After which a transaction that is not mined is replaced by one that offers more.",
        ),
        Setting(
            name="chain_fee_gwei_max",
            kind="integer",
            default="500",
            minimum=1,
            maximum=1_000_000,
            help="The most that a transaction of ours offers for one unit of gas.",
        ),
    ),
)

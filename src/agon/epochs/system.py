"""The manifest of `epochs`."""

from agon.kernel.manifest import Check, Host, Job, Reconciler, ResultKind, Schedule, Setting, System

SYSTEM = System(
    name="epochs",
    package="agon.epochs",
    rules=(
        "identities.sql",
        "owners.sql",
        "reconciling.sql",
        "mints.sql",
        "standing.sql",
        "moderation.sql",
        "avatars.sql",
        "loadouts.sql",
        "snapshots.sql",
        "credentials.sql",
        "profiles.sql",
        "events.sql",
        "settlements.sql",
        "epochs.sql",
        "claims.sql",
        "votes.sql",
        "board.sql",
        "payouts.sql",
        "editions.sql",
        "payment_logs.sql",
    ),
    routes=(
        "agon.epochs.routes:router",
        "agon.epochs.board_routes:router",
        "agon.epochs.avatar_routes:router",
        "agon.epochs.avatar_routes:queue_router",
    ),
    jobs=(
        Job(name="epochs.advance", run="agon.epochs.jobs:advance"),
        Job(name="epochs.settle_due", run="agon.enqueue_epoch_settlements"),
        Job(name="epochs.settle", run="agon.epochs.jobs:settle", concurrency=1),
        Job(
            name="epochs.reconcile_owners",
            run="agon.epochs.jobs:reconcile_owners",
            concurrency=1,
        ),
        Job(name="epochs.reconcile_owners_nightly", run="agon.enqueue_owner_reconciliation"),
        Job(name="epochs.pay", run="agon.epochs.paying:run"),
        # One at a time: a task whose receipt was lost is looked for among those that are nobody's.
        Job(
            name="epochs.generate_avatar",
            run="agon.epochs.jobs:generate_avatar",
            concurrency=1,
        ),
    ),
    schedules=(
        Schedule(job="epochs.advance", cron="* * * * *"),
        Schedule(job="epochs.settle_due", cron="* * * * *"),
        Schedule(job="epochs.reconcile_owners_nightly", cron="37 3 * * *"),
    ),
    hosts=(Host(name="epochs.board", run="agon.epochs.keeping:run"),),
    commands=(
        ("epoch", "agon.epochs.commands:epoch"),
        ("bot", "agon.epochs.commands:bot"),
        ("bot mint", "agon.epochs.mint_commands:mint"),
        ("epoch replay", "agon.epochs.replay_commands:replay"),
        ("epoch export", "agon.epochs.export_commands:export"),
        ("epoch pay", "agon.epochs.pay_commands:pay"),
    ),
    result_kinds=(
        ResultKind(
            name="epochs.settlement", version=1, recompute="agon.epochs.settlement:recompute"
        ),
    ),
    settings=(
        Setting(
            name="redis_url",
            kind="url",
            secret=True,
            help="Redis that serves the live board and refuses claims within a cooldown: redis://, "
            "rediss:// or unix://; without it Postgres does both.",
        ),
        Setting(
            name="meshy_api_key",
            secret=True,
            help="Meshy API key, of a paid account; it makes avatars of a prompt.",
        ),
        Setting(
            name="meshy_url",
            kind="url",
            default="https://api.meshy.ai",
            help="Where Meshy answers.",
        ),
        Setting(
            name="reconcile_owners_max",
            kind="integer",
            default="100",
            minimum=0,
            help="More owners than these are not corrected at once when the node says otherwise.",
        ),
        Setting(
            name="edition_recipient",
            help="Address that each day's edition is minted to; without it, who is paid most.",
        ),
    ),
    checks=(
        Check(name="avatars by Meshy", run="agon.epochs.checks:check_meshy"),
        Check(name="live board", run="agon.epochs.checks:check_redis"),
    ),
    demonstrations=("agon.epochs.demo:play",),
    reconcilers=(Reconciler(name="bot owners", run="agon.epochs.reconciling:run"),),
)

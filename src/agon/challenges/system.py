"""The manifest of `challenges`."""

from agon.kernel.manifest import Check, Job, ResultKind, Schedule, Setting, Subscription, System

SYSTEM = System(
    name="challenges",
    package="agon.challenges",
    rules=(
        "models.sql",
        "templates.sql",
        "challenges.sql",
        "participants.sql",
        "evidence.sql",
        "verdicts.sql",
        "bindings.sql",
        "accounts.sql",
        "onchain.sql",
        "joins.sql",
        "registry.sql",
        "aivm_jobs.sql",
        "inferences.sql",
        "settlements.sql",
        "claims.sql",
        "claim_logs.sql",
        "achievements.sql",
        "mintings.sql",
        "lifecycle.sql",
        "retries.sql",
        "validators.sql",
        "invites.sql",
        "prompts.sql",
        "reminders.sql",
    ),
    routes=(
        "agon.challenges.intake_routes:router",
        "agon.challenges.routes:router",
        "agon.challenges.lifecycle_routes:router",
        "agon.challenges.me_routes:router",
        "agon.challenges.account_routes:router",
        "agon.challenges.binding_routes:router",
        "agon.challenges.admin_routes:router",
        "agon.challenges.invite_routes:router",
        "agon.challenges.reminder_routes:router",
    ),
    jobs=(
        Job(name="challenges.judge", run="agon.challenges.jobs:judge"),
        Job(
            name="challenges.collect_due",
            run="agon.enqueue_collections",
            settings=("collect_every_minutes",),
        ),
        Job(name="challenges.sweep_nonces", run="agon.sweep_nonces"),
        Job(name="challenges.dispatch", run="agon.challenges.chain_jobs:dispatch"),
        Job(name="challenges.collect", run="agon.challenges.jobs:collect", attempts_max=3),
        Job(name="challenges.register", run="agon.challenges.chain_jobs:register"),
        Job(name="challenges.infer", run="agon.challenges.chain_jobs:infer"),
        Job(name="challenges.settle", run="agon.challenges.chain_jobs:settle"),
        Job(name="challenges.mint", run="agon.challenges.chain_jobs:mint"),
        Job(name="challenges.deliver_invite", run="agon.challenges.telling_jobs:deliver_invite"),
        Job(name="challenges.expire_invites", run="agon.expire_invites"),
        Job(name="challenges.tell", run="agon.challenges.telling_jobs:tell"),
        Job(name="challenges.remind", run="agon.challenges.telling_jobs:remind"),
        Job(name="challenges.sweep_reminders", run="agon.sweep_reminders"),
    ),
    schedules=(
        Schedule(job="challenges.collect_due", cron="* * * * *"),
        Schedule(job="challenges.sweep_nonces", cron="*/10 * * * *"),
        Schedule(job="challenges.dispatch", cron="* * * * *"),
        Schedule(job="challenges.expire_invites", cron="*/10 * * * *"),
        Schedule(job="challenges.tell", cron="* * * * *"),
        Schedule(job="challenges.remind", cron="* * * * *"),
        Schedule(job="challenges.sweep_reminders", cron="29 3 * * *"),
    ),
    subscriptions=(
        Subscription(
            name="challenges.note_finalized",
            topic="challenge.finalized",
            run="agon.challenges.telling:note_end",
        ),
        Subscription(
            name="challenges.note_canceled",
            topic="challenge.canceled",
            run="agon.challenges.telling:note_end",
        ),
        Subscription(
            name="challenges.note_rejected",
            topic="challenge.rejected",
            run="agon.challenges.telling:note_end",
        ),
    ),
    result_kinds=(
        ResultKind(
            name="challenges.verdict", version=1, recompute="agon.challenges.judges:recompute"
        ),
        ResultKind(
            name="challenges.outcome", version=1, recompute="agon.challenges.outcomes:recompute"
        ),
    ),
    commands=(
        ("judge", "agon.challenges.commands:judge"),
        ("submit", "agon.challenges.commands:submit"),
        (
            "chain cancel-terminal-jobs",
            "agon.challenges.chain_commands:cancel_terminal_jobs",
        ),
        ("chain retry", "agon.challenges.chain_commands:retry"),
        ("chain validator", "agon.challenges.validator_commands:validator"),
    ),
    settings=(
        Setting(
            name="challenge_approval",
            choices=("admin", "automatic"),
            default="admin",
            help="Who opens new challenges: an admin, or a policy that approves every valid one.",
        ),
        Setting(
            name="aivm_fee_wei",
            kind="integer",
            default="0",
            minimum=0,
            help="What a request to the AIVM is paid, in wei.",
        ),
        Setting(
            name="settle_grace_s",
            kind="integer",
            default="3600",
            minimum=0,
            maximum=86_400,
            help="So long after the end of a challenge on a chain evidence is waited for.",
        ),
        Setting(
            name="collect_every_minutes",
            kind="integer",
            default="15",
            minimum=1,
            help="How often a linked account is asked for new activities.",
        ),
        Setting(
            name="pages_url",
            kind="url",
            help="The site whose pages /challenges/ID and /invites/ID mail leads to; default: the "
            "same paths below /api of this server.",
        ),
        Setting(name="strava_client_id", help="Strava API application."),
        Setting(
            name="strava_client_secret", secret=True, help="Secret of the Strava API application."
        ),
        Setting(
            name="strava_url",
            kind="url",
            default="https://www.strava.com",
            help="Where Strava answers.",
        ),
        Setting(name="opendota_api_key", secret=True, help="Optional; lifts OpenDota's limits."),
        Setting(
            name="opendota_url",
            kind="url",
            default="https://api.opendota.com/api",
            help="Where OpenDota answers.",
        ),
        Setting(name="riot_api_key", secret=True, help="Riot API key; games are read with it."),
        Setting(name="riot_client_id", help="Riot Sign On client."),
        Setting(name="riot_client_secret", secret=True, help="Secret of the Riot Sign On client."),
        Setting(
            name="riot_url",
            kind="url",
            default="https://{route}.api.riotgames.com",
            help="Where Riot's API answers; {route} becomes the region.",
        ),
        Setting(
            name="riot_auth_url",
            kind="url",
            default="https://auth.riotgames.com",
            help="Where Riot Sign On answers.",
        ),
        Setting(
            name="steam_url",
            kind="url",
            default="https://steamcommunity.com",
            help="Where people sign in at Steam (OpenID 2.0).",
        ),
        Setting(
            name="steam_return_url",
            kind="url",
            help="The page that Steam sends people back to; default: /api/auth/steam/return of "
            "this server, which answers with the message to sign.",
        ),
        Setting(
            name="binding_operators",
            default="",
            help="Addresses, by commas, whose countersignature binds Riot and Epic accounts.",
        ),
    ),
    checks=(
        Check(name="content folder", run="agon.challenges.checks:check_content"),
        Check(name="Strava", run="agon.challenges.checks:check_strava"),
        Check(name="Riot", run="agon.challenges.checks:check_riot"),
        Check(name="OpenDota", run="agon.challenges.checks:check_opendota"),
    ),
    demonstrations=("agon.challenges.demo:play", "agon.challenges.chain_demo:play"),
)

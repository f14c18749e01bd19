"""The manifest of `people`."""

from agon.kernel.manifest import Bearer, Job, Schedule, Setting, System

SYSTEM = System(
    name="people",
    package="agon.commons.people",
    floor="commons",
    rules=(
        "callers.sql",
        "security_log.sql",
        "tries.sql",
        "wallets.sql",
        "roles.sql",
        "siwe.sql",
        "users.sql",
        "sign_ups.sql",
        "email_changes.sql",
        "sessions.sql",
        "codes.sql",
        "flows.sql",
        "identities.sql",
        "administration.sql",
        "sweeps.sql",
        "agent_credentials.sql",
        "profiles.sql",
    ),
    routes=("agon.commons.people.profile_routes:router",),
    bearers=(Bearer(prefix="agon_bot_", claims="agon.commons.people.agent_credentials:claims"),),
    jobs=(Job(name="people.sweep", run="agon.sweep_people", settings=("session_days",)),),
    schedules=(Schedule(job="people.sweep", cron="47 3 * * *"),),
    settings=(
        Setting(
            name="password_length_min",
            kind="integer",
            default="8",
            minimum=6,
            maximum=64,
            help="The fewest characters that a password may have.",
        ),
        Setting(
            name="session_days",
            kind="integer",
            default="180",
            minimum=0,
            help="Sessions that were not refreshed for so many days end; 0: never.",
        ),
        Setting(
            name="web3_chain_ids",
            default="",
            help="Chains (EIP-155 numbers, by commas) whose messages sign in; all if empty.",
        ),
        Setting(
            name="password_leaks_url",
            kind="url",
            help="A list of leaked passwords, asked with five digits of a SHA-1, such as "
            "https://api.pwnedpasswords.com/range; while it does not answer, passwords are taken.",
        ),
    ),
    commands=(
        ("token", "agon.commons.people.commands:token"),
        ("role", "agon.commons.people.commands:role"),
    ),
)

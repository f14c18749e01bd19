"""The kernel's own manifest."""

from agon.kernel.manifest import Check, Job, Schedule, Setting, System

SYSTEM = System(
    name="kernel",
    package="agon.kernel",
    floor="kernel",
    rules=(
        "ledger.sql",
        "refusals.sql",
        "moves.sql",
        "events.sql",
        "jobs.sql",
        "outside.sql",
        "results.sql",
    ),
    jobs=(Job(name="kernel.forget_job_log", run="agon.forget_job_log"),),
    schedules=(Schedule(job="kernel.forget_job_log", cron="7 3 * * *"),),
    commands=(
        ("db", "agon.kernel.commands:db"),
        ("migrate", "agon.kernel.commands:migrations"),
        ("doctor", "agon.kernel.commands:doctor_command"),
        ("verify", "agon.kernel.commands:verify"),
        ("jobs", "agon.kernel.work_commands:jobs"),
        ("events", "agon.kernel.work_commands:events"),
    ),
    settings=(
        Setting(
            name="home",
            kind="path",
            help="Folder for the embedded server, secrets and content; "
            "default: the platform's user data folder (/var/lib/agon for root).",
        ),
        Setting(
            name="database_url",
            kind="url",
            secret=True,
            help="Any Postgres 15 or newer, as its owner; the embedded server without it.",
        ),
        Setting(
            name="database_login_secret",
            secret=True,
            help="Where the passwords of agon_web, agon_service and agon_worker come from; "
            "needed with AGON_DATABASE_URL.",
        ),
        Setting(name="host", default="127.0.0.1", help="Address to serve on."),
        Setting(
            name="port",
            kind="integer",
            default="8000",
            minimum=1,
            maximum=65535,
            help="Port to serve on.",
        ),
        Setting(
            name="public_url",
            kind="url",
            help="How the world reaches this server; default: http://HOST:PORT.",
        ),
        Setting(
            name="trusted_proxies",
            default="127.0.0.1,::1",
            help="Proxies before this server, as addresses or networks separated by commas, whose "
            "X-Forwarded-For says where a request comes from; none: nobody's.",
        ),
        Setting(
            name="requests_per_s_user",
            kind="integer",
            default="200",
            minimum=0,
            help="Requests a second of one user to /api and the data door, 5 s' worth at once, for "
            "each serving process; 0 sets no limit.",
        ),
        Setting(
            name="requests_per_s_key",
            kind="integer",
            default="2000",
            minimum=0,
            help="The same of one key: the publishable one is that of all clients together.",
        ),
        Setting(
            name="requests_per_s_address",
            kind="integer",
            default="200",
            minimum=0,
            help="The same of one address, where nobody is signed in.",
        ),
        Setting(
            name="jwt_secret",
            secret=True,
            help="HS256 secret of access tokens; without it an ES256 key is kept in the home.",
        ),
        Setting(
            name="jwks_url",
            kind="url",
            help="JWKS document of another issuer whose access tokens are accepted too.",
        ),
        Setting(name="jwt_issuer", help="The `iss` that access tokens must carry, if any."),
        Setting(
            name="publishable_key",
            secret=True,
            help="What clients send as `apikey` to act as anon, sb_publishable_ and random text; "
            "without it one is kept in the home.",
        ),
        Setting(
            name="secret_key",
            secret=True,
            help="What servers send as `apikey` to act as service_role, sb_secret_ and random "
            "text; without it one is kept in the home.",
        ),
        Setting(
            name="sealing_key",
            secret=True,
            help="Private key that opens sealed secrets; without it one is kept in the home.",
        ),
        Setting(
            name="log_level",
            default="info",
            choices=("debug", "info", "warning", "error"),
            help="The least grave lines that are logged.",
        ),
        Setting(
            name="log_style",
            default="auto",
            choices=("auto", "json", "console"),
            help="How log lines are written; auto: for people on a terminal, JSON elsewhere.",
        ),
        Setting(
            name="outbound_allow",
            default="",
            help="host:port pairs, separated by commas, that outbound calls may reach although "
            "they are not public: local stand-ins.",
        ),
    ),
    checks=(
        Check(name="database", run="agon.kernel.doctor:check_database"),
        Check(name="migrations", run="agon.kernel.doctor:check_migrations"),
        Check(name="logins", run="agon.kernel.doctor:check_logins"),
        Check(name="service role", run="agon.kernel.doctor:check_service_role"),
        Check(name="jobs", run="agon.kernel.doctor:check_jobs"),
        Check(name="events", run="agon.kernel.doctor:check_events"),
        Check(name="signing keys", run="agon.kernel.doctor:check_signing_key"),
        Check(name="sealing keys", run="agon.kernel.doctor:check_sealing_key"),
        Check(name="other issuer", run="agon.kernel.doctor:check_jwks"),
    ),
)

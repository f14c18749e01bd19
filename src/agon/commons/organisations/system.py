"""The manifest of `organisations`."""

from agon.kernel.manifest import Bearer, Domains, Host, Job, Schedule, Setting, System

SYSTEM = System(
    name="organisations",
    package="agon.commons.organisations",
    floor="commons",
    rules=(
        "standing.sql",
        "organisations.sql",
        "members.sql",
        "roles.sql",
        "keys.sql",
        "branding.sql",
        "domains.sql",
        "webhooks.sql",
        "webhook_turns.sql",
        "deliveries.sql",
    ),
    routes=(
        "agon.commons.organisations.routes:router",
        "agon.commons.organisations.key_routes:router",
        "agon.commons.organisations.key_routes:scopes_router",
        "agon.commons.organisations.branding_routes:router",
        "agon.commons.organisations.branding_routes:here_router",
        "agon.commons.organisations.webhook_routes:router",
        "agon.commons.organisations.webhook_routes:events_router",
    ),
    bearers=(
        Bearer(
            prefix="agon_key_",
            claims="agon.commons.organisations.keys:claims",
            quota="agon.commons.organisations.keys:quota",
        ),
    ),
    domains=(Domains(claim="host_org", names="agon.commons.organisations.branding:domains"),),
    jobs=(
        Job(name="organisations.check_domain", run="agon.commons.organisations.domains:check"),
        Job(name="organisations.check_domains", run="agon.enqueue_domain_checks"),
        Job(
            name="organisations.forget_deliveries",
            run="agon.commons.organisations.deliveries:forget",
        ),
    ),
    schedules=(
        Schedule(job="organisations.check_domains", cron="23 * * * *"),
        Schedule(job="organisations.forget_deliveries", cron="37 3 * * *"),
    ),
    hosts=(Host(name="webhooks", run="agon.commons.organisations.webhook_sending:run"),),
    commands=(
        ("org", "agon.commons.organisations.commands:org"),
        ("org webhooks", "agon.commons.organisations.webhook_commands:webhooks"),
    ),
    settings=(
        Setting(
            name="dns_resolver",
            help="The DNS resolver that organisations' domains are looked up at, as address or "
            "address:port; default: the system's.",
        ),
        Setting(
            name="webhook_allow",
            default="",
            help="host:port pairs, separated by commas, that webhooks may reach although they are "
            "not public: admins of organisations post there, and read what is answered.",
        ),
    ),
)

"""The manifest of `notifications`."""

from agon.kernel.manifest import Check, Job, Schedule, Setting, System

SYSTEM = System(
    name="notifications",
    package="agon.commons.notifications",
    floor="commons",
    rules=("mails.sql", "notifications.sql"),
    routes=("agon.commons.notifications.routes:router",),
    jobs=(
        Job(
            name="notifications.send_mail",
            run="agon.commons.notifications.jobs:send_mail",
            concurrency=4,
        ),
        Job(name="notifications.forget_mails", run="agon.forget_mails"),
    ),
    schedules=(Schedule(job="notifications.forget_mails", cron="17 3 * * *"),),
    commands=(("mail", "agon.commons.notifications.commands:mail"),),
    settings=(
        Setting(
            name="smtp_url",
            kind="url",
            secret=True,
            help="Mail server: smtp://USER:PASSWORD@HOST:587 (STARTTLS; ?starttls=0 does without) "
            "or smtps://…:465. Without it mail is files in the home, which `agon mail` lists.",
        ),
        Setting(
            name="mail_from",
            help="Sender of mail, as in `Agon <no-reply@example.org>`; needed with AGON_SMTP_URL.",
        ),
        Setting(name="site_name", default="Agon", help="What mail calls this installation."),
    ),
    checks=(Check(name="mail", run="agon.commons.notifications.checks:check_mail"),),
)

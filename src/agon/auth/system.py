"""The manifest of the auth door, `/auth/v1`."""

from agon.kernel.manifest import Door, Setting, System

SYSTEM = System(
    name="auth",
    package="agon.auth",
    doors=(Door(prefix="/auth/v1"),),
    routes=(
        "agon.auth.routes:router",
        "agon.auth.token_routes:router",
        "agon.auth.user_routes:router",
        "agon.auth.code_routes:router",
        "agon.auth.provider_routes:router",
        "agon.auth.admin_routes:router",
        "agon.auth.wallet_routes:router",
        "agon.auth.unknown_routes:router",
    ),
    settings=(
        Setting(
            name="auth_autoconfirm",
            choices=("auto", "on", "off"),
            default="auto",
            help="Whether addresses count as confirmed without an answered mail; auto: as long as "
            "no AGON_SMTP_URL is set.",
        ),
        Setting(
            name="auth_sign_ups", kind="boolean", default="true", help="Whether anyone may sign up."
        ),
        Setting(
            name="auth_anonymous",
            kind="boolean",
            default="true",
            help="Whether people may sign in without saying who they are.",
        ),
        Setting(
            name="auth_token_seconds",
            kind="integer",
            default="3600",
            minimum=60,
            maximum=604800,
            help="How long an access token holds.",
        ),
        Setting(
            name="auth_reuse_seconds",
            kind="integer",
            default="10",
            minimum=0,
            maximum=300,
            help="How long a used refresh token still leads to the active one.",
        ),
        Setting(
            name="auth_code_seconds",
            kind="integer",
            default="3600",
            minimum=60,
            maximum=86400,
            help="How long a mailed code or link holds.",
        ),
        Setting(
            name="auth_failures_per_email",
            kind="integer",
            default="10",
            minimum=0,
            help="Failed sign-ins for one address of mail from one network in 5 minutes; "
            "0: no limit.",
        ),
        Setting(
            name="auth_failures_per_email_everywhere",
            kind="integer",
            default="100",
            minimum=0,
            help="The same in an hour from all networks together; networks from which that user "
            "has signed in before are let in all the same.",
        ),
        Setting(
            name="auth_failures_per_address",
            kind="integer",
            default="100",
            minimum=0,
            help="Failed sign-ins and codes from one network address in 5 minutes; 0: no limit.",
        ),
        Setting(
            name="auth_sign_ups_per_hour",
            kind="integer",
            default="300",
            minimum=0,
            help="New users from one network address in an hour, however they come; 0: no limit.",
        ),
        Setting(
            name="auth_mails_per_user",
            kind="integer",
            default="20",
            minimum=0,
            help="Mails that one user may cause in an hour; 0: no limit.",
        ),
        Setting(
            name="auth_mails_per_address",
            kind="integer",
            default="100",
            minimum=0,
            help="The same of one network address, where nobody with a name is signed in.",
        ),
        Setting(
            name="auth_requests_per_s_user",
            kind="integer",
            default="50",
            minimum=0,
            help="Requests a second of one user at the auth door, 5 s' worth at once, for each "
            "serving process; 0: no limit.",
        ),
        Setting(
            name="auth_requests_per_s_address",
            kind="integer",
            default="50",
            minimum=0,
            help="The same of one network address, where nobody is signed in.",
        ),
        Setting(
            name="auth_mail_every_seconds",
            kind="integer",
            default="60",
            minimum=0,
            maximum=86400,
            help="Between two mails to one address; 0: no limit.",
        ),
        Setting(
            name="auth_nonce",
            kind="boolean",
            default="false",
            help="Whether a session older than a day needs a mailed code to change the password.",
        ),
        Setting(
            name="site_url",
            kind="url",
            help="Where people go after signing in; default: AGON_PUBLIC_URL.",
        ),
        Setting(
            name="redirect_urls",
            default="",
            help="Further addresses that sign-ins may return to, separated by commas; * stands for "
            "anything but . and /, ** for anything.",
        ),
        Setting(name="github_client_id", help="GitHub OAuth application, for signing in."),
        Setting(
            name="github_client_secret",
            secret=True,
            help="Secret of the GitHub OAuth application.",
        ),
        Setting(
            name="github_url",
            kind="url",
            default="https://github.com",
            help="Where GitHub's sign-in pages answer.",
        ),
        Setting(
            name="github_api_url",
            kind="url",
            default="https://api.github.com",
            help="Where GitHub's REST API answers.",
        ),
    ),
)

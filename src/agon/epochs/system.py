"""The manifest of `epochs`."""

from agon.kernel.manifest import Job, Reconciler, Schedule, System

SYSTEM = System(
    name="epochs",
    package="agon.epochs",
    rules=("identities.sql", "owners.sql", "reconciling.sql"),
    jobs=(
        Job(
            name="epochs.reconcile_owners",
            run="agon.epochs.jobs:reconcile_owners",
            concurrency=1,
        ),
    ),
    schedules=(
        Schedule(
            name="epochs.reconcile_owners_nightly",
            cron="37 3 * * *",
            run="agon.epochs.jobs:enqueue_reconciliation",
        ),
    ),
    reconcilers=(Reconciler(name="bot owners", run="agon.epochs.reconciling:run"),),
)

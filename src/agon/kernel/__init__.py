"""What every floor stands on: configuration, the database, migrations, jobs, events, results."""

#!/bin/sh
# The tests on Debian's Postgres 15, where it is or can be installed. $1: the Python to run them.
set -eu
bin=/usr/lib/postgresql/15/bin
if [ ! -x "$bin/postgres" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "test-pg15: installing Debian's postgresql-15"
    # create_main_cluster: our tests make clusters of their own.
    mkdir -p /etc/postgresql-common
    grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf ||
      echo 'create_main_cluster = false' >> /etc/postgresql-common/createcluster.conf
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y postgresql-15 >/dev/null || true
  fi
fi
if [ ! -x "$bin/postgres" ]; then
  echo "test-pg15: skipped, since Debian's postgresql-15 is not here and cannot be installed"
  exit 0
fi
python=$1
shift
AGON_TEST_PG_BIN=$bin exec "$python" -m pytest -m "not prove" "$@"

#!/bin/sh
# Debian's Redis for the tests, where it can be installed; without it those that need it are skipped.
set -eu
if command -v redis-server >/dev/null || command -v redis-check-rdb >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "test: installing Debian's redis-tools, which has the server and starts none"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y redis-tools >/dev/null || true
fi
command -v redis-check-rdb >/dev/null ||
  echo "test: no redis-server here, and none can be installed: its tests are skipped"

#!/bin/sh
# Makes the secrets of docker-compose.yml, once: deploy/compose/secrets/NAME. What is there already is kept.
# The folder is its owner's alone; the files may be read by others, as the containers' users are none of the host's.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
for name in influx_password influx_token grafana_password; do
  [ -s "secrets/$name" ] && continue
  head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >"secrets/$name"
  chmod 0444 "secrets/$name"
  echo "made deploy/compose/secrets/$name"
done

#!/usr/bin/env bash
# InfluxDB on loopback in the foreground, with an organisation, a bucket and a token that may do everything.
#
# Product:     InfluxDB 2.7.12 as build.sh beside this file makes it.
# Established: by running it. POST /api/v2/setup works once on an empty folder and takes the token we choose;
#              a folder that has been set up is started again as it is.
# Usage:       setsid unshare -p -f --mount-proc --kill-child start.sh INFLUXD FOLDER PORT ORG BUCKET TOKEN &
#              Ready when FOLDER/ready exists.
set -euo pipefail
[[ $# -eq 6 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
program=$(realpath "$1") folder=$(realpath -m "$2") address=127.0.0.1:$3 org=$4 bucket=$5 token=$6

mkdir -p "$folder"
cd "$folder"
"$program" --reporting-disabled --http-bind-address "$address" \
  --bolt-path "$folder/influxd.bolt" --sqlite-path "$folder/influxd.sqlite" --engine-path "$folder/engine" \
  >"$folder/influxd.log" 2>&1 &
server=$!

until curl -sf -m 2 -o /dev/null "http://$address/health"; do
  kill -0 "$server" 2>/dev/null || { echo "start.sh: influxd ended" >&2; exit 1; }
  sleep 0.05
done
[[ -s setup.json ]] || curl -sS -f -o setup.json -H 'Content-Type: application/json' "http://$address/api/v2/setup" -d @- <<JSON
{"username": "test", "password": "test-password", "org": "$org", "bucket": "$bucket", "token": "$token"}
JSON
touch ready
wait "$server"

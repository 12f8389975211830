#!/usr/bin/env bash
# Builds Telegraf with the plugins that `make bench` sets beside Suanli, from its Go module, once, into a cache folder.
#
# Product:     Telegraf 1.37.2, module github.com/influxdata/telegraf as the Go module proxy serves it. Only inputs.http,
#              parsers.json_v2, outputs.influxdb_v2 and outputs.prometheus_client are compiled in.
# Established: built and run with Go 1.26 on Debian 12, two cores.
# Usage:       build.sh [FOLDER]    default ${XDG_CACHE_HOME:-~/.cache}/suanli; the program is
#              FOLDER/telegraf-1.37.2 and its path is the last line printed. Does nothing when it is there.
# Needs:       Go >= 1.25.
set -euo pipefail

version=1.37.2
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/suanli}")
program=$folder/telegraf-$version
if [[ -x $program ]]; then
  echo "$program"
  exit 0
fi
command -v go >/dev/null || { echo "build.sh: Telegraf needs go, which is not in PATH" >&2; exit 1; }

mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

GOBIN=$work GOFLAGS=-trimpath go install -ldflags "-s -w -X github.com/influxdata/telegraf/internal.Version=$version" \
  -tags custom,inputs.http,parsers.json_v2,outputs.influxdb_v2,outputs.prometheus_client \
  "github.com/influxdata/telegraf/cmd/telegraf@v$version"
mv telegraf "$program.new" && mv "$program.new" "$program" # whole or not at all
echo "$program"

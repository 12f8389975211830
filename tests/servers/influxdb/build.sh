#!/usr/bin/env bash
# Builds the InfluxDB server (without its web page) from its Go module, once, into a cache folder.
#
# Product:     InfluxDB 2.7.12, module github.com/influxdata/influxdb/v2 as the Go module proxy serves it. No
#              package registry of ours has a 2.x server: Debian stops at 1.6.7.
# Established: built and run with Go 1.26 and Rust 1.95 on Debian 12, two cores: 5-10 minutes the first time,
#              under a minute when Go's and cargo's caches are warm.
# Usage:       build.sh [FOLDER]    default ${XDG_CACHE_HOME:-~/.cache}/suanli; the program is
#              FOLDER/influxd-2.7.12 and its path is the last line printed. Does nothing when it is there.
# Needs:       Go >= 1.24, cargo, and clang and pkg-config from Debian.
set -euo pipefail

version=2.7.12
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/suanli}")
program=$folder/influxd-$version
if [[ -x $program ]]; then
  echo "$program"
  exit 0
fi
for tool in go cargo clang pkg-config; do
  command -v "$tool" >/dev/null || { echo "build.sh: InfluxDB needs $tool, which is not in PATH" >&2; exit 1; }
done

mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir bin

# A module of our own whose only purpose is to depend on the server's command.
cat >go.mod <<MOD
module suanli.invalid/influxd

go 1.24.0

require github.com/influxdata/influxdb/v2 v$version

// A dependency of InfluxDB's names this version, which only exists under its fork.
replace github.com/nats-io/nats-streaming-server v0.11.2 => github.com/influxdata/nats-streaming-server v0.11.3-0.20201112040610-c277f7560803
MOD
cat >tools.go <<'GO'
//go:build tools

package tools

import _ "github.com/influxdata/influxdb/v2/cmd/influxd"
GO

# The query language (Flux) is Rust: InfluxData's own pkg-config has cargo compile it while Go links.
GOBIN=$work/bin go install github.com/influxdata/pkg-config@v0.2.11
# Flux names a toolchain to download and turns warnings into errors: use the one at hand and let it warn.
if command -v rustup >/dev/null; then
  RUSTUP_TOOLCHAIN=${RUSTUP_TOOLCHAIN:-$(cd / && rustup show active-toolchain | cut -d' ' -f1)}
  export RUSTUP_TOOLCHAIN
fi
printf '#!/bin/sh\nexec "$@" --cap-lints warn\n' >bin/rustc-that-warns
chmod +x bin/rustc-that-warns

go mod tidy >tidy.log 2>&1 || { tail -n 20 tidy.log >&2; exit 1; }
PKG_CONFIG=$work/bin/pkg-config RUSTC_WRAPPER=$work/bin/rustc-that-warns \
  go build -trimpath -tags sqlite_foreign_keys,sqlite_json -ldflags "-s -w -X main.version=v$version" \
  -o "$work/influxd" github.com/influxdata/influxdb/v2/cmd/influxd
mv "$work/influxd" "$program.new" && mv "$program.new" "$program" # whole or not at all
echo "$program"

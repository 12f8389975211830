#!/usr/bin/env bash
# Builds the API server of Kubernetes from its Go module, once, into a cache folder.
#
# Product:     kube-apiserver 1.34.4, module k8s.io/kubernetes as the Go module proxy serves it. Debian has the clients only.
# Established: built and run with Go 1.26 on Debian 12, two cores: three to ten minutes the first time, seconds when Go's
#              cache is warm.
# Usage:       build.sh [FOLDER]    default ${XDG_CACHE_HOME:-~/.cache}/suanli; the program is
#              FOLDER/kube-apiserver-1.34.4 and its path is the last line printed. Does nothing when it is there.
# Needs:       Go >= 1.24.
set -euo pipefail

version=1.34.4
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/suanli}")
program=$folder/kube-apiserver-$version
if [[ -x $program ]]; then
  echo "$program"
  exit 0
fi
command -v go >/dev/null || { echo "build.sh: the API server needs go, which is not in PATH" >&2; exit 1; }

mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# A module of our own whose only purpose is to depend on the server's command.
cat >tools.go <<'GO'
//go:build tools

package tools

import _ "k8s.io/kubernetes/cmd/kube-apiserver"
GO
cat >go.mod <<MOD
module suanli.invalid/kube-apiserver

go 1.24.0

require k8s.io/kubernetes v$version
MOD
# Its libraries live in its own tree under ./staging; outside of it each is published as v0.34.4 and must be named so.
description=$(go mod download -json "k8s.io/kubernetes@v$version")
theirs=$(sed -n 's/^\t"GoMod": "\(.*\)",\{0,1\}$/\1/p' <<<"$description")
while read -r library; do
  go mod edit -replace "$library=$library@v0.${version#1.}"
done < <(sed -n 's|^\t\(k8s\.io/[a-z0-9-]*\) => \./staging/.*|\1|p' "$theirs" | sort -u)

go mod tidy >tidy.log 2>&1 || { tail -n 20 tidy.log >&2; exit 1; }
stamp=k8s.io/component-base/version
go build -trimpath \
  -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=${version%%.*} -X $stamp.gitMinor=$(cut -d. -f2 <<<"$version")" \
  -o "$work/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
mv "$work/kube-apiserver" "$program.new" && mv "$program.new" "$program" # whole or not at all
echo "$program"

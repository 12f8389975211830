#!/usr/bin/env bash
# Installs the real servers that the tests start, on Debian 12 as root: Debian's packages where they are missing, and
# InfluxDB, Kubernetes' API server (built from their Go modules), OpenStack's Keystone, Placement and Ironic, DMTF's
# validator with sushy-tools, mitmproxy (PyPI), and oauth2-mock-server (npm) in a cache folder. What is there is left alone.
# Usage: install-servers.sh [CACHE_FOLDER]    default ${XDG_CACHE_HOME:-~/.cache}/suanli
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/suanli}
packages=(
  munge slurmctld slurmd slurmrestd slurm-client slurm-wlm-basic-plugins slurm-wlm-jwt-plugin
  slurmdbd slurm-wlm-mysql-plugin mariadb-server
  prometheus prometheus-alertmanager victoria-metrics postgresql etcd-server
  docker-compose systemd faketime
  clang pkg-config curl
)
command -v npm >/dev/null || packages+=(nodejs npm)
services=(munge slurmctld slurmd slurmrestd slurmdbd mariadb prometheus prometheus-alertmanager victoria-metrics postgresql etcd)

say() { printf 'install-servers: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    say "Debian's packages are there"
    return
  fi
  [[ $(id -u) -eq 0 ]] || fail "needs root to install: ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  stop_services "${missing[@]}"
}

stop_services() { # those of the packages just installed: the tests start their own
  local package
  command -v invoke-rc.d >/dev/null || return 0
  for package in "${@%-server}"; do # mariadb-server's service is mariadb, etcd-server's is etcd
    [[ " ${services[*]} " == *" $package "* && -e /etc/init.d/$package ]] || continue
    say "stopping the distribution's $package"
    invoke-rc.d "$package" stop >/dev/null 2>&1 || true
  done
}

check_compilers() {
  local version
  command -v go >/dev/null || fail "Go >= 1.24 is not in PATH; InfluxDB is written in it"
  version=$(cd / && go env GOVERSION)
  version=${version#go}
  [[ $(printf '1.24\n%s\n' "$version" | sort -V | head -n 1) == 1.24 ]] || fail "Go >= 1.24 is needed, found $version"
  command -v cargo >/dev/null || fail "cargo is not in PATH; InfluxDB's query language is written in Rust"
}

install_influxdb() {
  local program build=$here/../tests/servers/influxdb/build.sh
  program=$cache/influxd-$(sed -n 's/^version=//p' "$build")
  if [[ -x $program ]]; then
    say "InfluxDB is there: $program"
    return
  fi
  check_compilers
  say "building InfluxDB into $cache (5-10 minutes the first time)"
  "$build" "$cache" >/dev/null
  say "built $program"
}

install_kubernetes() {
  local program build=$here/../tests/servers/kubernetes/build.sh
  program=$cache/kube-apiserver-$(sed -n 's/^version=//p' "$build")
  if [[ -x $program ]]; then
    say "Kubernetes' API server is there: $program"
    return
  fi
  check_compilers
  say "building Kubernetes' API server into $cache (3-10 minutes the first time)"
  "$build" "$cache" >/dev/null
  say "built $program"
}

install_openstack() {
  local folder=$cache/openstack wanted=$here/../tests/servers/openstack/requirements.txt
  if [[ -x $folder/bin/python ]] && cmp -s "$wanted" "$folder/requirements.txt"; then
    say "Keystone, Placement and Ironic are there: $folder"
    return
  fi
  say "installing Keystone, Placement and Ironic into $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$folder/requirements.txt" # last: a half install is begun again
}

install_redfish() {
  local folder=$cache/redfish wanted=$here/../tests/servers/redfish
  if [[ -x $folder/bin/python ]] && cmp -s <(cat "$wanted"/{requirements.txt,schemas.toml}) "$folder/wanted"; then
    say "DMTF's validator and sushy-tools are there: $folder"
    return
  fi
  command -v cargo >/dev/null || fail "cargo is not in PATH; the validator's schemas are in a crate"
  say "installing DMTF's validator and sushy-tools into $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted/requirements.txt"
  fetch_schemas "$folder" "$wanted/schemas.toml"
  cat "$wanted"/{requirements.txt,schemas.toml} >"$folder/wanted" # last: a half install is begun again
}

fetch_schemas() { # into FOLDER/csdl, as the crate that is named in TOML has them
  local folder=$1 toml=$2 crate sum
  crate=$folder/crates/nv-redfish-schema
  sum=$(sed -n 's/^sha256 = "\([0-9a-f]*\)".*/\1/p' "$toml")
  mkdir "$folder/fetching"
  cp "$toml" "$folder/fetching/Cargo.toml"
  (cd "$folder/fetching" && cargo vendor -q "$folder/crates" >/dev/null)
  grep -q "\"package\":\"$sum\"" "$crate/.cargo-checksum.json" || fail "the crate of schemas is not the one that was meant"
  mv "$crate/redfish-csdl/csdl" "$folder/csdl"
  rm -rf "$folder/crates" "$folder/fetching"
}

install_oauth2() {
  local folder=$cache/oauth2 wanted=$here/../tests/servers/oauth2
  if cmp -s "$wanted/package-lock.json" "$folder/wanted"; then
    say "oauth2-mock-server is there: $folder"
    return
  fi
  say "installing oauth2-mock-server into $folder"
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$wanted"/package{,-lock}.json "$folder"
  (cd "$folder" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
  cp "$wanted/package-lock.json" "$folder/wanted" # last: a half install is begun again
}

install_mitmproxy() {
  local folder=$cache/mitmproxy wanted=$here/../tests/servers/mitmproxy/requirements.txt
  if [[ -x $folder/bin/python ]] && cmp -s "$wanted" "$folder/requirements.txt"; then
    say "mitmproxy is there: $folder"
    return
  fi
  say "installing mitmproxy into $folder"
  rm -rf "$folder"
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$folder/requirements.txt" # last: a half install is begun again
}

install_packages
install_influxdb
install_kubernetes
install_openstack
install_redfish
install_oauth2
install_mitmproxy
say done

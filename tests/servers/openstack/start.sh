#!/usr/bin/env bash
# Keystone and Placement on loopback in the foreground, on SQLite, with a cloud administrator.
#
# Product:     OpenStack Keystone and Placement of PyPI, in a virtual environment of their own (.ci/install-servers.sh).
# Established: by running them: ready after some fifteen seconds, most of it for Keystone's tables.
# Usage:       setsid unshare -p -f --mount-proc --kill-child start.sh PYTHON FOLDER KEYSTONE_PORT PLACEMENT_PORT PASSWORD TOKEN_SECONDS &
#              Ready when FOLDER/ready exists. The administrator is admin of the project admin, in the domain Default.
set -euo pipefail
[[ $# -eq 6 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
python=$(realpath -s "$1") folder=$(realpath -m "$2") keystone=http://127.0.0.1:$3/v3 placement=http://127.0.0.1:$4
password=$5 seconds=$6 here=$(dirname "$(realpath "$0")") programs=$(dirname "$python")

mkdir -p "$folder/keys" "$folder/credentials"
cd "$folder"
cat >keystone.conf <<CONF
[DEFAULT]
log_file = $folder/keystone.log
[database]
connection = sqlite:///$folder/keystone.sqlite
[fernet_tokens]
key_repository = $folder/keys
[credential]
key_repository = $folder/credentials
[token]
expiration = $seconds
[oauth2]
oauth2_authn_method = tls_client_auth
CONF
cat >placement.conf <<CONF
[DEFAULT]
log_file = $folder/placement.log
[api]
auth_strategy = keystone
[placement_database]
connection = sqlite:///$folder/placement.sqlite
[keystone_authtoken]
www_authenticate_uri = $keystone
auth_url = $keystone
auth_type = password
username = admin
password = $password
project_name = admin
user_domain_name = Default
project_domain_name = Default
token_cache_time = -1
CONF

manage=("$programs/keystone-manage" --config-file "$folder/keystone.conf")
user=$(id -un) group=$(id -gn)
"${manage[@]}" db_sync
"${manage[@]}" fernet_setup --keystone-user "$user" --keystone-group "$group"
"${manage[@]}" credential_setup --keystone-user "$user" --keystone-group "$group"
"${manage[@]}" bootstrap --bootstrap-password "$password" --bootstrap-public-url "$keystone" \
  --bootstrap-internal-url "$keystone" --bootstrap-admin-url "$keystone" --bootstrap-region-id one
"$programs/placement-manage" --config-file "$folder/placement.conf" db sync

"$python" "$here/serve.py" keystone "$3" "$folder/keystone.conf" >keystone.out.log 2>&1 &
first=$!
"$python" "$here/serve.py" placement "$4" "$folder/placement.conf" >placement.out.log 2>&1 &
second=$!
until curl -sf -m 2 -o /dev/null "$keystone" && curl -sf -m 2 -o /dev/null "$placement/"; do
  kill -0 "$first" "$second" 2>/dev/null || { echo "start.sh: one of the servers ended" >&2; exit 1; }
  sleep 0.1
done
touch ready
wait

#!/usr/bin/env bash
# Ironic behind a Keystone on loopback in the foreground: its API and its conductor in one process, on SQLite, for machines
# that are made up (fake-hardware).
#
# Product:     OpenStack Ironic of PyPI, in the virtual environment of Keystone and Placement (.ci/install-servers.sh).
# Established: by running it: ready after some five seconds.
# Usage:       setsid unshare -p -f --mount-proc --kill-child ironic.sh PYTHON FOLDER PORT KEYSTONE PASSWORD PAGE &
#              Ready when FOLDER/ready exists. KEYSTONE ends in /v3. PAGE: it lists so many nodes at most.
set -euo pipefail
[[ $# -eq 6 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
programs=$(dirname "$(realpath -s "$1")") folder=$(realpath -m "$2") port=$3 keystone=$4 password=$5 page=$6

cd "$folder"
cat >ironic.conf <<CONF
[DEFAULT]
auth_strategy = keystone
rpc_transport = none
host = localhost
state_path = $folder
tempdir = $folder
log_file = $folder/ironic.log
enabled_hardware_types = fake-hardware
enabled_boot_interfaces = fake
enabled_deploy_interfaces = fake
enabled_management_interfaces = fake
enabled_power_interfaces = fake
enabled_network_interfaces = noop
enabled_vendor_interfaces = no-vendor
enabled_bios_interfaces = no-bios
enabled_inspect_interfaces = no-inspect
enabled_raid_interfaces = no-raid
enabled_storage_interfaces = noop
default_boot_interface = fake
default_deploy_interface = fake
default_network_interface = noop
[api]
host_ip = 127.0.0.1
port = $port
max_limit = $page
[conductor]
automated_clean = false
power_state_change_timeout = 30
[database]
connection = sqlite:///$folder/ironic.sqlite
[keystone_authtoken]
www_authenticate_uri = $keystone
auth_url = $keystone
auth_type = password
username = admin
password = $password
project_name = admin
user_domain_name = Default
project_domain_name = Default
CONF

"$programs/ironic-dbsync" --config-file ironic.conf create_schema
"$programs/ironic" --config-file ironic.conf >ironic.out.log 2>&1 &
server=$!
until curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/"; do
  kill -0 "$server" 2>/dev/null || { echo "ironic.sh: Ironic ended" >&2; exit 1; }
  sleep 0.1
done
touch ready
wait "$server"

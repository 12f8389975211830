#!/usr/bin/env bash
# A whole Slurm cluster on loopback: munge, controller, one slurmd for every node, REST server; where it is asked
# for, with accounting: MariaDB and slurmdbd.
#
# Product:     Slurm 22.05 as in Debian 12: munge slurmctld slurmd slurmrestd slurm-client
#              slurm-wlm-basic-plugins slurm-wlm-jwt-plugin, slurmdbd slurm-wlm-mysql-plugin mariadb-server.
#              Nothing of it is copied here.
# Established: by running it on Debian 12 as root without systemd; what each unusual setting is for
#              stands beside it, and tests/servers/test_servers.py shows that the cluster behaves.
# Usage:       setsid unshare -p -f --mount-proc --kill-child slurm.sh [OPTIONS] FOLDER &
#              Stays in the foreground. Ready when FOLDER/run/ready exists; the REST token is in
#              FOLDER/run/token. Stop it with kill -9 of unshare's process: only the namespace takes job
#              scripts and slurmstepd along.
set -euo pipefail

nodes=20 off=0 gpus=8 type=a100 controller_port=16817 rest_port=16820 node_ports=
slurmd_timeout=30 message_timeout=10 dbd_port=
usage() {
  cat <<'TEXT'
slurm.sh [OPTIONS] FOLDER
  --nodes N            nodes with a running slurmd: TYPE-001 ... (20)
  --off N              nodes without one, DOWN in the configuration: off-001 ... (0)
  --gpus N             devices a node (8)
  --type WORD          type of the devices and prefix of the node names (a100)
  --controller-port P  (16817)
  --rest-port P        (16820)
  --node-ports LIST    one port for every node, then for every off node: 17001-17020 or 17001,17003 (from 17001 on)
  --slurmd-timeout S   seconds until a silent node is DOWN (30)
  --message-timeout S  seconds until slurmrestd gives up on a silent controller (10)
  --dbd-port P         with accounting, whose slurmdbd listens there (without)
TEXT
}
while [[ ${1-} == --* ]]; do
  case $1 in
    --nodes) nodes=$2 ;;
    --off) off=$2 ;;
    --gpus) gpus=$2 ;;
    --type) type=$2 ;;
    --controller-port) controller_port=$2 ;;
    --rest-port) rest_port=$2 ;;
    --node-ports) node_ports=$2 ;;
    --slurmd-timeout) slurmd_timeout=$2 ;;
    --message-timeout) message_timeout=$2 ;;
    --dbd-port) dbd_port=$2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift 2
done
[[ $# -eq 1 ]] || { usage >&2; exit 2; }
folder=$(realpath -m "$1")
[[ -n $node_ports ]] || node_ports=17001-$((17000 + nodes + off))
host=$(hostname)
export PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$folder/etc/slurm.conf

say() { printf '%s slurm.sh: %s\n' "$(date +%T.%3N)" "$*"; }
fail() { say "$*" >&2; exit 1; }
until_ok() { # until_ok SECONDS WHAT COMMAND...: the command is repeated until it succeeds
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what"
    sleep 0.05
  done
}
names() { seq -f "$1-%03g" "$2"; } # names PREFIX COUNT
span() { printf '%s-[001-%03d]' "$1" "$2"; } # the same in Slurm's notation

lay_out() {
  mkdir -p "$folder"/{etc,state,spool,log,run,dev}
  [[ ! -e $SLURM_CONF ]] || fail "$folder has been used before"
  chmod 755 "$folder" "$folder"/{etc,run} # slurmrestd reads as nobody
  # A GPU counts only when its File= exists; plain files count too but fill the log with errors.
  for ((i = 0; i < gpus; i++)); do mknod "$folder/dev/gpu$i" c 1 3; done
  for key in munge jwt; do
    head -c 128 /dev/urandom >"$folder/etc/$key.key"
    chmod 600 "$folder/etc/$key.key"
  done
}

hide_cgroups() {
  # slurmd loads a cgroup plugin even when nothing is constrained, and 22.05 cannot switch that off. An empty
  # tree over /sys/fs/cgroup (in our own mount namespace) makes every machine look alike and leaves no trace.
  mount -t tmpfs none /sys/fs/cgroup
  cat >"$folder/etc/cgroup.conf" <<CONF
CgroupPlugin=cgroup/v1
CgroupAutomount=no
ConstrainCores=no
ConstrainDevices=no
ConstrainRAMSpace=no
CONF
}

configure() {
  local ports_up ports_off expanded
  expanded=$(expand_ports "$node_ports")
  ports_up=$(head -n "$nodes" <<<"$expanded" | paste -sd,)
  ports_off=$(tail -n +$((nodes + 1)) <<<"$expanded" | paste -sd,)
  local shape="NodeHostname=$host NodeAddr=127.0.0.1 CPUs=64 Boards=1 SocketsPerBoard=2 CoresPerSocket=32 ThreadsPerCore=1 RealMemory=515000 Gres=gpu:$type:$gpus"
  cat >"$SLURM_CONF" <<CONF
ClusterName=suanli
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller_port
SlurmUser=root
SlurmdUser=root
# The default is to listen on every address.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.sock
CredType=cred/munge
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=$folder/etc/jwt.key
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd-%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
# A node that was down for silence comes back when its slurmd does; one that is down on purpose stays so.
ReturnToService=1
SlurmdTimeout=$slurmd_timeout
MessageTimeout=$message_timeout
MinJobAge=30
KillWait=5
InactiveLimit=0
SchedulerParameters=batch_sched_delay=0,sched_interval=5,bf_interval=5,defer_batch
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
# All daemons share one munge, which takes a message that nodes hand on to each other for a replay. With the default
# width of 50 this was seen in half of the starts of 200 nodes, and one of them never became idle; like this never.
TreeWidth=65533
# Nodes may claim more than this machine has.
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=$(span "$type" "$nodes") Port=[$ports_up] State=UNKNOWN $shape
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
  echo "NodeName=$(span "$type" "$nodes") Name=gpu Type=$type File=$folder/dev/gpu[0-$((gpus - 1))]" >"$folder/etc/gres.conf"
  account
  ((off == 0)) && return
  echo "NodeName=$(span off "$off") Port=[$ports_off] State=DOWN Reason=off $shape" >>"$SLURM_CONF"
  echo "NodeName=$(span off "$off") Name=gpu Type=$type File=$folder/dev/gpu[0-$((gpus - 1))]" >>"$folder/etc/gres.conf"
}

account() { # what the controller tells of its jobs, and to whom
  if [[ -z $dbd_port ]]; then
    echo "AccountingStorageType=accounting_storage/none" >>"$SLURM_CONF"
    return
  fi
  cat >>"$SLURM_CONF" <<CONF
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$dbd_port
# munge's socket: it is not where slurmdbd's client looks for it.
AccountingStoragePass=$folder/run/munge.sock
AccountingStorageTRES=gres/gpu,gres/gpu:$type
CONF
  cat >"$folder/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.sock
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=$folder/etc/jwt.key
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$dbd_port
SlurmUser=root
PidFile=$folder/run/slurmdbd.pid
LogFile=$folder/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CommunicationParameters=NoInAddrAny
CONF
  chmod 600 "$folder/etc/slurmdbd.conf"
}

expand_ports() { # 5,7-9 -> 5 7 8 9, one a line
  local part
  for part in ${1//,/ }; do seq "${part%-*}" "${part#*-}"; done
}

start_munge() {
  munged --key-file="$folder/etc/munge.key" --socket="$folder/run/munge.sock" --pid-file="$folder/run/munged.pid" \
    --log-file="$folder/log/munged.log" --seed-file="$folder/run/munged.seed" --num-threads=4
}

start_accounting() {
  [[ -n $dbd_port ]] || return 0
  until_ok 30 "the database does not answer" mariadb --no-defaults -S "$folder/db/socket" -e 'SELECT 1'
  MYSQL_UNIX_PORT=$folder/db/socket slurmdbd
  until_ok 30 "slurmdbd does not answer" sacctmgr --noheader list cluster
  sacctmgr --immediate add cluster suanli >/dev/null
}
start_database() { # without a network and without users: only root comes into its folder
  [[ -n $dbd_port ]] || return 0
  mkdir -m 700 "$folder/db"
  # An empty folder will do: what mariadb-install-db would add are users, time zones and help.
  mariadbd --no-defaults --user=root --datadir="$folder/db" --tmpdir="$folder/db" --socket="$folder/db/socket" \
    --pid-file="$folder/run/mariadbd.pid" --skip-networking --skip-grant-tables --performance-schema=off \
    --innodb-buffer-pool-size=32M --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=0 \
    >"$folder/log/mariadbd.log" 2>&1 </dev/null &
}

start_controller() {
  slurmctld -c -f "$SLURM_CONF"
  until_ok 20 "the controller does not answer" answers
}
answers() { scontrol ping | grep -q UP; }

start_nodes() {
  local name
  for name in $(names "$type" "$nodes"); do
    mkdir "$folder/spool/$name"
    slurmd -N "$name" -f "$SLURM_CONF" || fail "slurmd of $name does not start"
  done
  until_ok 30 "not every node became idle" all_idle
}
all_idle() { [[ $(sinfo -h -n "$(span "$type" "$nodes")" -o %T | sort -u) == idle ]]; }

start_rest() {
  scontrol token username=root lifespan=36000 | sed 's/^SLURM_JWT=//' >"$folder/run/token"
  # slurmrestd refuses to run as root and as SlurmUser.
  setpriv --reuid=65534 --regid=65534 --clear-groups env SLURM_JWT=daemon \
    slurmrestd -f "$SLURM_CONF" -a rest_auth/jwt -s openapi/v0.0.38${dbd_port:+,openapi/dbv0.0.38} "127.0.0.1:$rest_port" \
    >"$folder/log/slurmrestd.log" 2>&1 </dev/null &
  echo $! >"$folder/run/slurmrestd.pid"
  until_ok 20 "the REST server does not answer" rest_answers
}
rest_answers() {
  curl -sf -m 2 -o /dev/null -H X-SLURM-USER-NAME:root -H "X-SLURM-USER-TOKEN:$(cat "$folder/run/token")" \
    "http://127.0.0.1:$rest_port/slurm/v0.0.38/ping"
}

lay_out
hide_cgroups
configure
say "$nodes nodes of $gpus $type in $folder"
start_database
start_munge
start_accounting
start_controller
start_nodes
start_rest
say ready
touch "$folder/run/ready"
sleep infinity & # and this shell, first in its namespace, buries the dead meanwhile
wait $!

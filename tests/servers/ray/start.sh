#!/usr/bin/env bash
# A Ray cluster of three nodes on one machine in the foreground: 8 GPU of A100, 4 GPU of H100, 8 NPU, no physical device.
#
# Product:     Ray of PyPI (requirements.txt beside this file) in a virtual environment of its own.
# Established: by running it: ready after some thirty seconds on an idle machine; 2 GB.
# Usage:       setsid unshare -p -f --mount-proc --kill-child start.sh PYTHON FOLDER &
#              Ready when FOLDER/ready exists; the dashboard is 127.0.0.1:8265 in the network namespace of FOLDER/pid:
#              parts of Ray listen on every address, so that it gets a network of its own.
set -euo pipefail
[[ $# -eq 2 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
python=$1 folder=$(realpath -m "$2")
[[ ${SUANLI_OWN_NETWORK:-} ]] || SUANLI_OWN_NETWORK=1 exec unshare --net "$0" "$@"

ip link set lo up
cd "$folder"
export RAY_USAGE_STATS_ENABLED=0 RAY_DISABLE_DOCKER_CPU_WARNING=1 RAY_raylet_start_wait_time_s=120
ray() { "$python" -m ray.scripts.scripts "$@"; }
memory=(--object-store-memory 80000000)

ray start --head --num-cpus 1 --num-gpus 8 --resources '{"accelerator_type:A100": 1}' "${memory[@]}" --temp-dir "$folder/ray" \
  --dashboard-host 127.0.0.1 --dashboard-port 8265 --min-worker-port 30000 --max-worker-port 30099 >head.log 2>&1
ray start --address 127.0.0.1:6379 --num-cpus 1 --num-gpus 4 --resources '{"accelerator_type:H100": 1}' "${memory[@]}" \
  --min-worker-port 30100 --max-worker-port 30199 >second.log 2>&1
ray start --address 127.0.0.1:6379 --num-cpus 1 --resources '{"NPU": 8, "accelerator_type:Ascend910B": 1}' "${memory[@]}" \
  --min-worker-port 30200 --max-worker-port 30299 >third.log 2>&1
echo $$ >pid
touch ready
exec sleep infinity

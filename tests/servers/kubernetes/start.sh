#!/usr/bin/env bash
# etcd and an API server on loopback in the foreground; no kubelet: what it holds is what was posted.
#
# Product:     kube-apiserver 1.34.4 as build.sh beside this file makes it, and Debian's etcd.
# Established: by running it: ready after two seconds, 300 MB in all.
# Usage:       setsid unshare -p -f --mount-proc --kill-child start.sh KUBE_APISERVER FOLDER PORT ETCD_PORT PEER_PORT TOKENS [OPTION...] &
#              Ready when FOLDER/ready exists; its certificate is FOLDER/pki/apiserver.crt. TOKENS: lines of
#              token,user,uid[,groups] as --token-auth-file reads them; the first must be of the group system:masters.
#              OPTION: of kube-apiserver, beside ours.
#              FOLDER/clients.crt is there before: the authority whose certificates name users.
set -euo pipefail
[[ $# -ge 6 ]] || { sed -n 's/^# \(Usage: .*\)/\1/p' "$0" >&2; exit 2; }
program=$(realpath "$1") folder=$(realpath -m "$2") port=$3 etcd=http://127.0.0.1:$4 peer=http://127.0.0.1:$5
tokens=$(realpath "$6") admin=$(head -n 1 "$6" | cut -d, -f1)

mkdir -p "$folder/pki"
cd "$folder"
openssl genrsa -out pki/service-accounts.key 2048 2>/dev/null

etcd --name one --data-dir etcd --unsafe-no-fsync --initial-cluster "one=$peer" --initial-advertise-peer-urls "$peer" \
  --listen-peer-urls "$peer" --listen-client-urls "$etcd" --advertise-client-urls "$etcd" >etcd.log 2>&1 &
echo $! >etcd.pid
"$program" --etcd-servers "$etcd" --secure-port "$port" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 \
  --cert-dir pki --client-ca-file clients.crt --token-auth-file "$tokens" --authorization-mode RBAC \
  --service-cluster-ip-range 10.255.0.0/24 \
  --service-account-issuer https://kubernetes.default.svc --service-account-key-file pki/service-accounts.key \
  --service-account-signing-key-file pki/service-accounts.key --disable-admission-plugins ServiceAccount \
  "${@:7}"   >apiserver.log 2>&1 &
server=$!

until [[ $(curl -sk -m 2 -H "Authorization: Bearer $admin" "https://127.0.0.1:$port/readyz") == ok ]]; do
  kill -0 "$server" 2>/dev/null || { echo "start.sh: kube-apiserver ended" >&2; exit 1; }
  sleep 0.1
done
touch ready
wait "$server"

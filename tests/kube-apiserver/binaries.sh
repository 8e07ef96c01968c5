#!/bin/sh
# The same as `kube-apiserver serve`, of the etcd and kube-apiserver in $KUBEBUILDER_ASSETS: a cluster without
# controllers, so that deleted namespaces stay, and pods get no service account.
#
#   binaries.sh PORT [DIRECTORY]
set -eu
port=$1 temporary=
[ $# = 2 ] || temporary=$(mktemp -d)
mkdir -p "${2:-$temporary}"
cd "${2:-$temporary}"
[ -e token ] || od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > token
[ -e accounts.key ] || openssl ecparam -genkey -name prime256v1 -noout -out accounts.key 2>/dev/null
echo "$(cat token),admin,admin,system:masters" > tokens.csv
cat > kubeconfig <<YAML
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$PWD/pki/apiserver.crt"}}]
users: [{name: test, user: {token: "$(cat token)"}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
current-context: test
YAML

"$KUBEBUILDER_ASSETS/etcd" --data-dir=etcd --log-level=error --unsafe-no-fsync \
    --listen-client-urls=unix://etcd.sock --listen-peer-urls=unix://peer.sock \
    --advertise-client-urls=http://127.0.0.1:0 --initial-advertise-peer-urls=http://127.0.0.1:0 \
    --initial-cluster=default=http://127.0.0.1:0 >&2 &
etcd=$!
"$KUBEBUILDER_ASSETS/kube-apiserver" --etcd-servers=unix://etcd.sock \
    --bind-address=127.0.0.1 --secure-port="$port" --cert-dir=pki --token-auth-file=tokens.csv \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-signing-key-file=accounts.key --service-account-key-file=accounts.key \
    --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=RBAC --allow-privileged=true \
    --disable-admission-plugins=ServiceAccount \
    --advertise-address=127.0.0.1 --endpoint-reconciler-type=none >&2 &
server=$!
trap 'kill -KILL $etcd $server 2>/dev/null; wait; [ -z "$temporary" ] || rm -rf "$temporary"' EXIT
# It makes its certificate first of all, and clients must know that.
until [ -e pki/apiserver.crt ]; do
    kill -0 $server
    sleep 0.1
done
echo "ready $PWD/kubeconfig"
cat > /dev/null

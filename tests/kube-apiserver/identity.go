package main

import (
	"crypto/rand"
	"net"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"
)

// Below the directory of the cluster.
const (
	certificates      = "pki"
	serviceAccountKey = "pki/service-accounts.key"
	tokens            = "pki/tokens.csv"
	kubeconfigFile    = "kubeconfig"
)

// writeIdentities makes what the API server knows its callers by, where it is missing, and returns the token of
// the administrator. A token and not a certificate, for it gets through a proxy between a client and the server.
func writeIdentities() (string, error) {
	if err := os.MkdirAll(certificates, 0o700); err != nil {
		return "", err
	}
	if _, _, err := keyutil.LoadOrGenerateKeyFile(serviceAccountKey); err != nil {
		return "", err
	}
	line, err := os.ReadFile(tokens)
	if os.IsNotExist(err) {
		line = []byte(rand.Text() + ",admin,admin,system:masters\n")
		err = os.WriteFile(tokens, line, 0o600)
	}
	token, _, _ := strings.Cut(string(line), ",")
	return token, err
}

// writeKubeconfig writes and returns the administrator's access. The API server must have made its certificate.
func writeKubeconfig(address net.Addr, token string) (*rest.Config, error) {
	authority, err := os.ReadFile(filepath.Join(certificates, "apiserver.crt"))
	if err != nil {
		return nil, err
	}
	const name = "test"
	config := api.Config{
		Clusters: map[string]*api.Cluster{name: {
			Server:                   "https://" + address.String(),
			CertificateAuthorityData: authority,
		}},
		AuthInfos:      map[string]*api.AuthInfo{name: {Token: token}},
		Contexts:       map[string]*api.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}
	if err := clientcmd.WriteToFile(config, kubeconfigFile); err != nil {
		return nil, err
	}
	// Without a limit: whoever waits for these requests is a test.
	client, err := clientcmd.NewDefaultClientConfig(config, nil).ClientConfig()
	if err == nil {
		client.QPS = -1
	}
	return client, err
}

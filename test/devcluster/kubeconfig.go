package devcluster

import (
	"context"
	"errors"
	"fmt"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLife is long enough for any test and most demonstrations.
const tokenLife = 24 * 3600

// Config returns the configuration of a client that may do everything, without client-side limits.
func (c *Cluster) Config() *rest.Config { return rest.CopyConfig(c.admin) }

// ServiceAccountConfig returns the configuration of a client that is the given ServiceAccount and has its rights only,
// for 24 hours.
func (c *Cluster) ServiceAccountConfig(ctx context.Context, namespace, name string) (*rest.Config, error) {
	clientset, err := kubernetes.NewForConfig(c.admin)
	if err != nil {
		return nil, err
	}
	life := int64(tokenLife)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &life}}
	reply, err := clientset.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("a token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	cfg := rest.AnonymousClientConfig(c.admin)
	cfg.BearerToken = reply.Status.Token
	return cfg, nil
}

// WriteKubeconfig writes cfg as a kubeconfig that needs no other file, readable by its owner only.
func (c *Cluster) WriteKubeconfig(path string, cfg *rest.Config) error {
	return writeKubeconfig(path, cfg)
}

func writeKubeconfig(path string, cfg *rest.Config) error {
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return err
	}
	if len(cfg.CertData) == 0 && cfg.BearerToken == "" {
		return errors.New("the configuration identifies nobody")
	}
	const name = "devcluster"
	return clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{name: {Server: cfg.Host, CertificateAuthorityData: cfg.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{name: {
			ClientCertificateData: cfg.CertData, ClientKeyData: cfg.KeyData, Token: cfg.BearerToken,
		}},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	}, path)
}

// config is the configuration of one of the clients for which there are certificates.
func (s *state) config(client string) (*rest.Config, error) {
	cfg := &rest.Config{
		Host: "https://" + s.addr(APIServer),
		QPS:  -1,
		TLSClientConfig: rest.TLSClientConfig{
			CAFile:   s.cert("ca.crt"),
			CertFile: s.cert(client + ".crt"),
			KeyFile:  s.cert(client + ".key"),
		},
	}
	if err := rest.LoadTLSFiles(cfg); err != nil { // The data stays good if the directory goes.
		return nil, err
	}
	cfg.CAFile, cfg.CertFile, cfg.KeyFile = "", "", ""
	return cfg, nil
}

// writeKubeconfigs writes the kubeconfig of each client.
func (s *state) writeKubeconfigs() error {
	for client := range s.clients() {
		cfg, err := s.config(client)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(s.kubeconfig(client), cfg); err != nil {
			return err
		}
		if err := os.Chmod(s.kubeconfig(client), 0o600); err != nil {
			return err
		}
	}
	return nil
}

package devcluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// etcdQuota is how large etcd's database may become unless LimitEtcd says otherwise, in bytes.
const etcdQuota = 8 << 30

// LimitEtcd starts etcd again with another limit to the size of its database, in bytes, or with the usual one: 0. When it
// is reached, etcd refuses all that would take more, until FreeEtcd is called.
func (c *Cluster) LimitEtcd(ctx context.Context, bytes int64) error {
	c.mu.Lock()
	c.state.EtcdQuota = bytes
	c.mu.Unlock()
	return c.Restart(ctx, Etcd)
}

// EtcdSize is how large etcd's database is, in bytes.
func (c *Cluster) EtcdSize(ctx context.Context) (int64, error) {
	var status etcdStatus
	err := c.etcd(ctx, "maintenance/status", struct{}{}, &status)
	return status.DBSize, err
}

// FreeEtcd does what an administrator does about an etcd that is full: it drops all but the present versions of all
// objects, gives what they took back, and lets etcd write again.
func (c *Cluster) FreeEtcd(ctx context.Context) error {
	var status etcdStatus
	if err := c.etcd(ctx, "maintenance/status", struct{}{}, &status); err != nil {
		return err
	}
	var none struct{}
	if err := c.etcd(ctx, "kv/compaction", map[string]any{"revision": status.Header.Revision, "physical": true}, &none); err != nil && !strings.Contains(err.Error(), "compacted") {
		return err
	}
	if err := c.etcd(ctx, "maintenance/defragment", none, &none); err != nil {
		return err
	}
	return c.etcd(ctx, "maintenance/alarm", map[string]any{"action": "DEACTIVATE", "alarm": "NOSPACE", "memberID": status.Header.Member}, &none)
}

// SaveEtcd copies etcd's data into a directory that must not exist. Etcd is down meanwhile.
func (c *Cluster) SaveEtcd(ctx context.Context, dir string) error {
	if err := c.Kill(Etcd); err != nil {
		return err
	}
	return errors.Join(os.CopyFS(dir, os.DirFS(c.state.etcdData())), c.launchAndWait(ctx, Etcd))
}

// RestoreEtcd replaces etcd's data by what SaveEtcd copied, and starts all components of the cluster again, as an administrator does.
// Revisions begin again where they were, and those that other clients have seen since do not exist.
func (c *Cluster) RestoreEtcd(ctx context.Context, dir string) error {
	components := c.state.components()
	for _, component := range slices.Backward(components) {
		if err := c.Kill(component.name); err != nil {
			return err
		}
	}
	if err := errors.Join(os.RemoveAll(c.state.etcdData()), os.CopyFS(c.state.etcdData(), os.DirFS(dir))); err != nil {
		return err
	}
	for _, component := range components {
		if err := c.launchAndWait(ctx, component.name); err != nil {
			return err
		}
	}
	return nil
}

// etcdStatus is the part of etcd's answer that is looked at. Its numbers are texts.
type etcdStatus struct {
	Header struct {
		Revision int64  `json:"revision,string"`
		Member   string `json:"member_id"`
	} `json:"header"`
	DBSize int64 `json:"dbSize,string"`
}

// etcd asks etcd by the gateway that it has for those who do not speak gRPC.
func (c *Cluster) etcd(ctx context.Context, path string, ask, answer any) error {
	text, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.state.addr(Etcd)+"/v3/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if text, err = io.ReadAll(reply.Body); err != nil {
		return err
	}
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd says to %s: %s: %s", path, reply.Status, text)
	}
	return json.Unmarshal(text, answer)
}

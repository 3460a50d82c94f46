//go:build linux

package realnode

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// VolumeDir returns the directory of a PersistentVolume.
func (n *Node) VolumeDir(volume string) string { return n.path("volumes", volume) }

// createVolumes creates the volumes of the default class. Nothing creates more: each claim needs one.
func (m *machine) createVolumes(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range m.Volumes {
		group.Go(func() error {
			volume := m.volume(fmt.Sprintf("local-%d", i))
			if err := os.MkdirAll(volume.Spec.Local.Path, 0o755); err != nil {
				return err
			}
			_, err := m.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
			return err
		})
	}
	return group.Wait()
}

func (m *machine) volume(name string) *corev1.PersistentVolume {
	hostname := corev1.NodeSelectorRequirement{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{Name}}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			StorageClassName:              StorageClass,
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			PersistentVolumeSource:        corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: m.path("volumes", name)}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{hostname},
			}}}},
		},
	}
}

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Name is the only name that a GatewayTenant may have, and the name of the gateway's workload. A gateway takes over
// every sandbox of its namespace and clients find it by this name, so there can be one in a namespace.
const Name = "openshell-gateway"

const (
	// LabelSource marks a GatewayTenant that the bridge made, with the value SourcePlatformConfig.
	LabelSource = "openshell.ambient-code.io/source"
	// SourcePlatformConfig is the value of LabelSource.
	SourcePlatformConfig = "platform-config"
	// AnnotationSource says where a bridged GatewayTenant comes from, as namespace/name of the ConfigMap.
	AnnotationSource = "openshell.ambient-code.io/source"

	// AnnotationHandOver hands a GatewayTenant over between the bridge and those who make them by hand. Nothing of the
	// gateway changes by it.
	AnnotationHandOver = "openshell.ambient-code.io/hand-over"
	// HandOverToPlatform lets the bridge take a hand-made GatewayTenant that an entry asks for.
	HandOverToPlatform = "to-platform-config"
	// HandOverToTenant lets a bridged GatewayTenant stay, as a hand-made one, when its entry goes.
	HandOverToTenant = "to-tenant"
	// HandOverToOperator lets certgen manage one of the gateway's Secrets that it did not issue. It is set on the Secret.
	HandOverToOperator = "to-operator"

	// AnnotationConfirmVersion names the version of the gateway that shall run although the volume's database would be
	// migrated for good by it, or cannot be read by it.
	AnnotationConfirmVersion = "openshell.ambient-code.io/confirm-version"

	// AnnotationConfirmPreflight confirms that a gateway is restarted although the preflight of its gateway.toml failed. The value is in
	// the message of the condition Ready, and holds for one image and one gateway.toml.
	AnnotationConfirmPreflight = "openshell.ambient-code.io/confirm-preflight"

	// AnnotationRotateTLS asks for new certificates of the gateway and its clients, from the same authority. The value is
	// of the user's choice, such as a date; one that is not the last one asks once. Clients notice nothing.
	AnnotationRotateTLS = "openshell.ambient-code.io/rotate-tls"
	// AnnotationRotateCA asks for a new certificate authority, and for new certificates from it. The former authority
	// stays trusted for a time that the platform sets.
	AnnotationRotateCA = "openshell.ambient-code.io/rotate-ca"
	// AnnotationRotateTokens asks for new keys of the sandboxes' tokens. The gateway restarts once, and no longer recognizes
	// tokens that it issued before. With OIDC it refuses them. Without OIDC it handles a client that sends one as a client
	// without a token: as an administrator.
	AnnotationRotateTokens = "openshell.ambient-code.io/rotate-tokens"
)

// SandboxTokens says whether the gateway issues tokens to its sandboxes.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type SandboxTokens string

const (
	// SandboxTokensEnabled gives each sandbox a token of its own, with which it authenticates to the gateway.
	SandboxTokensEnabled SandboxTokens = "Enabled"
	// SandboxTokensDisabled gives sandboxes no tokens: they cannot authenticate, and do not connect to the gateway.
	SandboxTokensDisabled SandboxTokens = "Disabled"
)

// Telemetry says whether the gateway and its sandboxes send usage data to the vendor of OpenShell.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type Telemetry string

const (
	// TelemetryEnabled lets the gateway and its sandboxes send usage data.
	TelemetryEnabled Telemetry = "Enabled"
	// TelemetryDisabled keeps them from sending any.
	TelemetryDisabled Telemetry = "Disabled"
)

// GatewayTenantSpec says what gateway a namespace gets. Every field is optional: an empty spec is a working gateway.
//
// +kubebuilder:validation:XValidation:rule="(has(oldSelf.storage) && has(oldSelf.storage.storageClassName)) == (has(self.storage) && has(self.storage.storageClassName)) && (!has(self.storage) || !has(self.storage.storageClassName) || oldSelf.storage.storageClassName == self.storage.storageClassName)",message="storage.storageClassName cannot be changed: delete the GatewayTenant and its volume claim to start again with another class"
type GatewayTenantSpec struct {
	// image is the reference of the gateway's container image, by tag, digest or both. Its repository must be one that
	// the platform allows. Without it, the platform's default image is used. If the volume has been used by a release from which a change
	// to the default would have to be confirmed, another release from the same repository is used. status.image shows the one in effect.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`

	// version is the gateway's version, such as 0.0.71. It is needed only where the image's tag does not tell: with a
	// digest or a custom tag. What a gateway.toml may say depends on it, so a tag that tells another version is refused.
	// +optional
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^v?(0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})$')",message="version must be three numbers, such as 0.0.71"
	Version string `json:"version,omitempty"`

	// serverDnsNames are further names under which clients reach the gateway: DNS names in lower case, with a wildcard
	// at most as the whole first label, or IP addresses. The names within the cluster and localhost are always in the
	// certificate. Order and repetition mean nothing.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) || (self.matches('^([*][.])?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[.])*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$') && !self.matches('(^|[.])[0-9]+$'))",message="must be a DNS name in lower case, with a wildcard at most as its whole first label, or an IP address"
	ServerDNSNames []string `json:"serverDnsNames,omitempty"`

	// config is TOML that is merged into the operator's gateway.toml: tables are merged deeply, values and arrays
	// replace the operator's. A key that the operator needs for itself may be repeated but not changed. It can be at most 16 levels
	// deep, have at most 2,000 keys and array items, and make a gateway.toml of at most 128 KiB.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=65536
	Config string `json:"config,omitempty"`

	// sandboxTokens says whether the gateway issues a token to each sandbox, Enabled (the default) or Disabled. A sandbox
	// authenticates with its token, which allows only what concerns this sandbox. With Disabled, sandboxes cannot authenticate and
	// do not connect. This field does not decide who is an administrator: without OIDC in config, every client that has the
	// client certificate and sends no token is one, whatever the value is.
	// +optional
	SandboxTokens SandboxTokens `json:"sandboxTokens,omitempty"`

	// telemetry says whether the gateway and its sandboxes send usage data to the vendor of OpenShell, Enabled or Disabled. If it
	// is not set, the platform's setting applies or, without one, the default of the gateway, which is to send them. A change
	// restarts the gateway.
	// +optional
	Telemetry Telemetry `json:"telemetry,omitempty"`

	// storage is the gateway's volume, with its database.
	// +optional
	Storage Storage `json:"storage,omitzero"` //nolint:kubeapilinter // an empty one says what an absent one says

	// network selects the clients that may reach the gateway.
	// +optional
	Network Network `json:"network,omitzero"` //nolint:kubeapilinter // an empty one says what an absent one says

	// suspend stops the operator from changing or repairing anything of this gateway, while true. Its certificates are
	// not renewed meanwhile.
	// +optional
	Suspend bool `json:"suspend,omitempty"` //nolint:kubeapilinter // as GitOps tools call the same thing
}

// WhenDeleted says what becomes of a volume.
//
// +kubebuilder:validation:Enum=Retain;Delete
type WhenDeleted string

const (
	// WhenDeletedRetain keeps the volume, for a GatewayTenant that is made anew.
	WhenDeletedRetain WhenDeleted = "Retain"
	// WhenDeletedDelete deletes the volume, and all that is on it.
	WhenDeletedDelete WhenDeleted = "Delete"
)

// Storage is the volume of a gateway.
type Storage struct {
	// size is the size that the volume claim requests. The default is 1Gi. A volume can grow if its storage class allows it, but
	// it cannot shrink. To cancel an expansion that fails, set a smaller size that is still above the volume's capacity.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",message="size must be a quantity above zero, such as 5Gi"
	Size string `json:"size,omitempty"`

	// storageClassName is the storage class of the volume; without it, the cluster's default. It cannot be changed.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`

	// whenDeleted says what becomes of the volume when the GatewayTenant is deleted, Retain (the default) or Delete.
	// +optional
	WhenDeleted WhenDeleted `json:"whenDeleted,omitempty"`
}

// GatewayTenantStatus is what the operator last saw.
type GatewayTenantStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Accepted, CertificatesReady and Available; and Warning, Reconciling and Stalled while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// image is the reference of the image in effect.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image,omitempty"`

	// version is the gateway's version in effect.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Version string `json:"version,omitempty"`

	// endpoint is the URL of the gateway within the cluster.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Endpoint string `json:"endpoint,omitempty"`

	// serverDnsNames are the names and addresses in the certificate that the gateway serves, sorted. After the certificate was
	// issued again, they are those of the one before it for up to two minutes, until the kubelet has updated the mounted Secret.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	ServerDNSNames []string `json:"serverDnsNames,omitempty"`

	// certificateNotAfter is when the first of the certificates ends that the gateway and its clients use; while one is
	// missing or cannot be read, the end that was known last.
	// +optional
	CertificateNotAfter *metav1.Time `json:"certificateNotAfter,omitempty"`

	// externalSecrets are the Secrets with certificates or keys that another issuer or a user provides, so the operator does not manage
	// them. If one of them is deleted, it remains in the list, and the operator does not issue it.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	ExternalSecrets []string `json:"externalSecrets,omitempty"`

	// rotated are the rotations that are done: what the Secrets themselves say. Each is the value of the annotation that
	// asked for it.
	// +optional
	Rotated *Rotated `json:"rotated,omitempty"`
}

// Rotated are the rotations that are done, by the value of the annotation that asked for each.
type Rotated struct {
	// tls is the last rotation of the certificates of the gateway and its clients.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	TLS string `json:"tls,omitempty"`

	// ca is the last rotation of the tenant's certificate authority.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	CA string `json:"ca,omitempty"`

	// tokens is the last rotation of the keys of the sandboxes' tokens.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Tokens string `json:"tokens,omitempty"`
}

// GatewayTenant asks for one OpenShell gateway in its namespace. It must be named openshell-gateway.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=gwt,categories=openshell
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'openshell-gateway'",message="a GatewayTenant must be named openshell-gateway: a namespace has one gateway, and clients find it by this name"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.image`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.endpoint`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.certificateNotAfter`,priority=1
// +kubebuilder:printcolumn:name="Source",type=string,JSONPath=`.metadata.annotations.openshell\.ambient-code\.io/source`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type GatewayTenant struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says what gateway the namespace gets.
	// +optional
	// +default={}
	Spec GatewayTenantSpec `json:"spec,omitzero"`

	// status is what the operator last saw.
	// +optional
	Status GatewayTenantStatus `json:"status,omitzero"`
}

// GatewayTenantList is a list of GatewayTenants.
//
// +kubebuilder:object:root=true
type GatewayTenantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`

	Items []GatewayTenant `json:"items"`
}

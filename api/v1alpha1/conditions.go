package v1alpha1

// Conditions that a GatewayTenant always has.
const (
	// ConditionReady is true while the gateway that the spec asks for serves. It repeats the reason of the condition
	// that keeps it from being true.
	ConditionReady = "Ready"
	// ConditionAccepted is true when the spec is valid. While it is false nothing of the spec is applied, unless the reason is
	// InvalidStorage: then all but spec.storage is applied.
	ConditionAccepted = "Accepted"
	// ConditionCertificatesReady is true while the gateway's certificates and token keys are present and valid and fit the spec.
	// It remains true if they cannot be renewed, with the reason RenewalBlocked.
	ConditionCertificatesReady = "CertificatesReady"
	// ConditionAvailable is true while the gateway's pod is ready, is not being evicted, and runs what the spec asks for or,
	// while the spec is rejected, what the last accepted one asked for.
	ConditionAvailable = "Available"
)

// Conditions that a GatewayTenant has only while they are true, as kstatus expects.
const (
	// ConditionWarning names what does not stop the gateway but should be known.
	ConditionWarning = "Warning"
	// ConditionReconciling is true while the operator works towards the spec.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is true when nothing will happen until somebody changes something.
	ConditionStalled = "Stalled"
)

// Reasons of Accepted.
const (
	// ReasonAccepted: the spec is valid.
	ReasonAccepted = "Accepted"
	// ReasonInvalidImage: spec.image is not an image reference.
	ReasonInvalidImage = "InvalidImage"
	// ReasonImageNotAllowed: the image's repository is not one that the platform allows.
	ReasonImageNotAllowed = "ImageNotAllowed"
	// ReasonVersionUnknown: neither the image's tag nor spec.version tells the gateway's version, or they disagree.
	ReasonVersionUnknown = "VersionUnknown"
	// ReasonVersionUnsupported: the operator does not support this release of the gateway. What runs is not changed; the message
	// says which releases are supported.
	ReasonVersionUnsupported = "VersionUnsupported"
	// ReasonInvalidServerDNSName: an entry of spec.serverDnsNames is neither a DNS name nor an IP address.
	ReasonInvalidServerDNSName = "InvalidServerDNSName"
	// ReasonInvalidConfig: spec.config is not TOML, exceeds a limit, or has a key or value with which the gateway would not
	// start, that the operator manages, that would run a program in the gateway's container, or that would send one of its
	// files elsewhere.
	ReasonInvalidConfig = "InvalidConfig"
	// ReasonVersionHeld: the version would migrate the volume's database for good, or not start on it; the message says
	// what would be lost and how to go on.
	ReasonVersionHeld = "VersionHeld"
	// ReasonKeyPathUnknown: the volume may hold the key that encrypts stored credentials, and the operator does not know at
	// which path; the message has a command for each case.
	ReasonKeyPathUnknown = "KeyPathUnknown"
	// ReasonEarlierConfigUnknown: the operator does not know the gateway_id or the sideload method of a gateway that exists; the
	// message has the command that sets them.
	ReasonEarlierConfigUnknown = "EarlierConfigUnknown"
	// ReasonInvalidStorage: the existing volume cannot get the size or the class in spec.storage, and keeps those that it has;
	// the rest of the spec is applied.
	ReasonInvalidStorage = "InvalidStorage"
	// ReasonInvalidNetwork: a selector in spec.network is not a valid label selector.
	ReasonInvalidNetwork = "InvalidNetwork"
	// ReasonInvalidRotation: the value of an annotation that asks for a rotation cannot be used.
	ReasonInvalidRotation = "InvalidRotation"
	// ReasonNamespaceReserved: the namespace belongs to the system (kube-*, openshift-*) or to the operator, and no gateway existed
	// there before. A gateway that already existed keeps running, and this is a reason of Warning.
	ReasonNamespaceReserved = "NamespaceReserved"
)

// Reasons of CertificatesReady.
const (
	// ReasonIssued: all certificates and keys are there and fit.
	ReasonIssued = "Issued"
	// ReasonRenewing: all are present and valid, so this is true. New ones are being issued, because they are due for renewal or
	// a rotation is requested.
	ReasonRenewing = "Renewing"
	// ReasonRenewalBlocked: all are present and valid, so this is true, but they cannot be renewed or rotated: certgen fails, its Job
	// cannot run, or it must not change a Secret. The message says why and what to do. It is also a reason of Warning.
	ReasonRenewalBlocked = "RenewalBlocked"
	// ReasonIssuing: something is missing or does not fit, and is being issued.
	ReasonIssuing = "Issuing"
	// ReasonIssueFailed: something is missing or does not fit, and the certgen Job fails or cannot run; the message has the output
	// of its pod, or says what prevents the Job from running. A Job that failed is retried.
	ReasonIssueFailed = "IssueFailed"
	// ReasonSecretBlocked: a Secret cannot be used as it is, and certgen cannot or must not change it: another issuer writes
	// it, its origin is unknown, or it is immutable. The message says what is wrong and how to continue.
	ReasonSecretBlocked = "SecretBlocked"
)

// Reasons of Available.
const (
	// ReasonAvailable: the gateway's pod is ready and runs what the spec asks for.
	ReasonAvailable = "Available"
	// ReasonWaitingForCertificates: the workload waits for its Secrets.
	ReasonWaitingForCertificates = "WaitingForCertificates"
	// ReasonRollingOut: the pod is being started or replaced.
	ReasonRollingOut = "RollingOut"
	// ReasonPodNotReady: a container of the pod runs but is not ready; the message names it and its probe. A container that has
	// never been ready is reported five seconds later than Unschedulable.
	ReasonPodNotReady = "PodNotReady"
	// ReasonImagePullFailed: an image of the pod cannot be pulled; the message has the registry's words.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonCrashLoop: a container of the pod ends again and again; the message names it, and has its exit code, the probe or
	// memory limit that ended it, or what it reported last. A single end without an error counts only if the container is not
	// ready 15 seconds after its restart.
	ReasonCrashLoop = "CrashLoop"
	// ReasonUnschedulable: no node takes the pod. It is said after ten seconds, and a quarter of a second more for each other
	// gateway that starts, up to five minutes.
	ReasonUnschedulable = "Unschedulable"
	// ReasonVolumePending: the volume claim is not bound, or has lost its volume. It is reported after the same time as Unschedulable.
	ReasonVolumePending = "VolumePending"
	// ReasonVolumeMountFailed: a node cannot attach or mount a volume of the pod, because the volume is still used elsewhere or
	// a Secret or ConfigMap is missing; the message has the node's words.
	ReasonVolumeMountFailed = "VolumeMountFailed"
	// ReasonPodStuck: a node cannot create the pod's containers, an init container does not complete, or finalizers or the node
	// keep a deleted pod; the message says which.
	ReasonPodStuck = "PodStuck"
	// ReasonPodRefused: the API server does not take the pod, for a quota or a policy; the message has its words.
	ReasonPodRefused = "PodRefused"
	// ReasonPodEvicted: the cluster ends the pod: a drain, preemption, a taint, or a node that shuts down or is low on resources.
	ReasonPodEvicted = "PodEvicted"
	// ReasonNodeLost: the pod's node does not report, so the state of the gateway is unknown and no new pod can start; the
	// message names the node and what to do.
	ReasonNodeLost = "NodeLost"
	// ReasonPodFailed: the pod failed, or a container of it cannot be started.
	ReasonPodFailed = "PodFailed"
)

// Reasons of Warning. Of several, the first is the reason and all are in the message.
const (
	// ReasonChangedByOthers: another client changes or deletes the gateway's objects again and again, such as an earlier control plane
	// that still runs; the message has the field manager's name, the objects and what to do.
	ReasonChangedByOthers = "ChangedByOthers"
	// ReasonUpdateQueued: the platform's update of this gateway waits for a rollout slot; the message names tenants that hold one.
	ReasonUpdateQueued = "UpdateQueued"
	// ReasonSandboxAPIMissing: the cluster does not serve the Sandbox API. A gateway from 0.0.107 on would not start, so
	// it waits for it, and this is a reason of Ready.
	ReasonSandboxAPIMissing = "SandboxAPIMissing"
	// ReasonAgentSandboxUnsupported: the gateway gives no tokens to the sandboxes of the installed release of agent-sandbox, so
	// new sandboxes do not connect to it.
	ReasonAgentSandboxUnsupported = "AgentSandboxUnsupported"
	// ReasonNodesRejectSandboxes: nodes do not support what the pods of sandboxes demand, so no sandbox starts there; the message has
	// their container runtimes and what to do.
	ReasonNodesRejectSandboxes = "NodesRejectSandboxes"
	// ReasonQuotaRejectsSandboxes: a ResourceQuota rejects the pods of sandboxes because no LimitRange gives their containers
	// defaults; the message names it and the resources.
	ReasonQuotaRejectsSandboxes = "QuotaRejectsSandboxes"
	// ReasonStorageSizeDiffers: the volume claim does not request spec.storage.size, because the claim cannot change or does
	// not need to; the message has both sizes and what to do.
	ReasonStorageSizeDiffers = "StorageSizeDiffers"
	// ReasonSandboxTokensDisabled: the gateway issues no tokens to sandboxes, so they cannot authenticate and do not connect.
	ReasonSandboxTokensDisabled = "SandboxTokensDisabled"
	// ReasonPodSecurity: the namespace's Pod Security level refuses sandboxes.
	ReasonPodSecurity = "PodSecurity"
	// ReasonDefaultNamespace: the gateway is in the namespace "default", where objects are created by mistake and users of all kinds
	// have rights.
	ReasonDefaultNamespace = "DefaultNamespace"
	// ReasonConfigIgnored: spec.config has tables of drivers that the gateway does not run; they are left out of gateway.toml.
	ReasonConfigIgnored = "ConfigIgnored"
	// ReasonExperimentalVersion: the operator does not support the release of the gateway, and the platform allows it as experimental. The
	// message says what is not known of the release.
	ReasonExperimentalVersion = "ExperimentalVersion"
	// ReasonOpenDefault: the gateway has no OIDC, so every client that has the client certificate and sends no token is an
	// administrator. This is the default and no fault: it comes after all other reasons, and no alert counts it.
	ReasonOpenDefault = "OpenDefault"
)

// Reasons of Ready, beside those of the other conditions.
const (
	// ReasonReady: the gateway serves what the spec asks for.
	ReasonReady = "Ready"
	// ReasonDistributing: the certificate with all names of spec.serverDnsNames is issued, and the gateway may still serve the one
	// before it, until the kubelet has updated the mounted Secret. That takes up to two minutes.
	ReasonDistributing = "Distributing"
	// ReasonConflict: an object with the name of one of the gateway's objects exists and is not managed by the operator, or another
	// pod has the name of the gateway's pod.
	ReasonConflict = "Conflict"
	// ReasonApplyFailed: the API server refused one or more objects; the message names each, with the cause and what to do. Only
	// objects that depend on these wait.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonPreflightRunning: the image of the gateway is checking the next gateway.toml in a Job. The gateway that runs is replaced when
	// that has succeeded.
	ReasonPreflightRunning = "PreflightRunning"
	// ReasonPreflightFailed: the image of the gateway rejects the next gateway.toml, so the gateway that runs is not replaced. The message
	// has the category and the output of the image, and says how to continue.
	ReasonPreflightFailed = "PreflightFailed"
	// ReasonPreflightBlocked: the image of the gateway cannot check the next gateway.toml, because its Job cannot run; the message says
	// why. The gateway that runs is not replaced, and the Job is repeated.
	ReasonPreflightBlocked = "PreflightBlocked"
	// ReasonWaitingForRemoval: an object of an earlier gateway, or the volume claim of a running one, is still being deleted.
	ReasonWaitingForRemoval = "WaitingForRemoval"
	// ReasonSuspended: spec.suspend is true, so nothing is changed, repaired or renewed.
	ReasonSuspended = "Suspended"
	// ReasonRestoring: a backup is being restored into the namespace, so nothing is created, changed or deleted until the
	// restore annotation of the Namespace is removed.
	ReasonRestoring = "Restoring"
	// ReasonNotReconciled: this was not looked at: the spec was rejected, or what there is could not be read.
	ReasonNotReconciled = "NotReconciled"
)

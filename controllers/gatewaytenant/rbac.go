package gatewaytenant

// The rights of this controller, by name wherever names are fixed. make generate writes config/rbac/role.yaml from them, and make
// rights shows that each is needed.

// GatewayTenants, and the namespaces that they are in.
//
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,verbs=list;watch
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants,resourceNames=openshell-gateway,verbs=get
// +kubebuilder:rbac:groups=openshell.ambient-code.io,resources=gatewaytenants/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create

// The objects of a gateway. Where an API server protects owner references, as OpenShift's does, giving an owner to an object that has
// none requires the right to delete it.
//
// +kubebuilder:rbac:groups="",resources=serviceaccounts,resourceNames=openshell-gateway;openshell-gateway-sandbox;openshell-gateway-certgen;openshell-gateway-preflight,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,resourceNames=openshell-gateway-config,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,resourceNames=openshell-data-openshell-gateway-0,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,resourceNames=openshell-gateway,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=apps,resources=statefulsets,resourceNames=openshell-gateway,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=batch,resources=jobs,resourceNames=openshell-gateway-certgen;openshell-gateway-preflight,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,resourceNames=openshell-gateway-sandbox-ssh;openshell-gateway-sandbox-ssh-label;openshell-gateway-clients;openshell-gateway-preflight,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=rolebindings,resourceNames=openshell-gateway-sandbox;openshell-gateway-sandbox-v2;openshell-gateway-certgen,verbs=list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterrolebindings,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=gatewaytenant-node-reader;gatewaytenant-sandboxes;gatewaytenant-sandboxes-v2;gatewaytenant-certgen,verbs=bind

// What is only observed: the Secrets, which certgen writes, and the CustomResourceDefinition of the Sandbox API.
//
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=openshell-gateway-ca;openshell-server-tls;openshell-client-tls;openshell-gateway-jwt-keys,verbs=list;watch
// +kubebuilder:rbac:groups=apiextensions.k8s.io,resources=customresourcedefinitions,resourceNames=sandboxes.agents.x-k8s.io,verbs=list;watch

// What can reject the pods of sandboxes. The operator watches it once a tenant requests a release that it concerns.
//
// +kubebuilder:rbac:groups="",resources=nodes;resourcequotas;limitranges,verbs=list;watch

// Pods and Events, which explain why something does not run. A gateway's pod is deleted if it blocks its own replacement.
//
// +kubebuilder:rbac:groups="",resources=pods,verbs=list
// +kubebuilder:rbac:groups="",resources=pods,resourceNames=openshell-gateway-0,verbs=watch;delete
// +kubebuilder:rbac:groups="",resources=events,verbs=list

// What an earlier control plane left. The role of its binding is bound when the tenant is removed from that binding.
//
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=roles,resourceNames=openshell-gateway-sandbox;openshell-gateway-certgen,verbs=list;watch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,resourceNames=openshell-gateway-sandbox-ssh-v2;openshell-gateway-allow-sandbox-v2,verbs=list;watch;delete
// +kubebuilder:rbac:groups=apps,resources=deployments,resourceNames=openshell-gateway,verbs=list;watch
// +kubebuilder:rbac:groups=rbac.authorization.k8s.io,resources=clusterroles,resourceNames=openshell-gateway-node-reader,verbs=bind

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// query is a line, or several, of a panel.
type query struct {
	expr   string
	legend string
}

// newDashboard answers, from top to bottom: do the gateways serve, what is under way, and does the operator work.
func newDashboard() *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder("GatewayTenants").
		Uid("gatewaytenant-operator").
		Description("OpenShell gateways of all tenants, and the operator that keeps them.").
		Tags([]string{"openshell"}).
		Time("now-6h", "now").
		Refresh("1m").
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus")).
		WithRow(dashboard.NewRowBuilder("Gateways")).
		WithPanel(number("Ready", "Tenants whose gateway serves what its spec asks for.",
			query{expr: `sum(gatewaytenant_condition_tenants{condition="Ready", status="True"}) or vector(0)`})).
		WithPanel(number("Not Ready", "All others.",
			query{expr: `sum(gatewaytenant_condition_tenants{condition="Ready", status!="True"}) or vector(0)`})).
		WithPanel(number("Days until the first certificate ends", "It is renewed when two thirds of its life are over.",
			query{expr: `(min(gatewaytenant_certificate_expiration_timestamp_seconds) - time()) / 86400`})).
		WithPanel(lines("Not Ready, by reason", "short", "What the reasons mean, and what to do: docs/troubleshooting.md.",
			query{`sum by (reason) (gatewaytenant_condition_tenants{condition="Ready", status!="True"})`, "{{reason}}"})).
		WithPanel(lines("Longest not Ready, by reason", "s", "How long the tenant has not been Ready that has not been for longest.",
			query{`time() - min by (reason) (gatewaytenant_condition_oldest_timestamp_seconds{condition="Ready", status!="True"})`, "{{reason}}"})).
		WithPanel(lines("Certificates that end first", "s", "Time left, of the ten tenants with the least.",
			query{`bottomk(10, min by (namespace) (gatewaytenant_certificate_expiration_timestamp_seconds) - time())`, "{{namespace}}"})).
		WithPanel(lines("Warnings", "short", "Problems that do not stop gateways, except the open default of gateways without OIDC.",
			query{`sum by (reason) (gatewaytenant_condition_tenants{condition="Warning", status="True", reason!="OpenDefault"})`, "{{reason}}"})).
		WithRow(dashboard.NewRowBuilder("Under way")).
		WithPanel(lines("Update of the platform", "short", "Gateways that are restarted by it, and those that wait for their turn.",
			query{`max by (state) (gatewaytenant_rollout_tenants)`, "{{state}}"})).
		WithPanel(lines("Entries of platform-config", "short", "What the states mean: docs/platform-config.md.",
			query{`max by (state) (gatewaytenant_platform_config_entries)`, "{{state}}"},
			query{`max(gatewaytenant_platform_config_problems)`, "ConfigMaps that cannot be read"})).
		WithRow(dashboard.NewRowBuilder("The operator")).
		WithPanel(lines("Objects looked at", "ops", "Those that were unchanged cost no request.",
			query{`sum by (result) (rate(gatewaytenant_apply_total[$__rate_interval]))`, "{{result}}"})).
		WithPanel(lines("Objects applied, by kind", "ops", "Many of one kind, while nothing changes, are somebody's who sets them back.",
			query{`sum by (kind) (rate(gatewaytenant_apply_total{result="applied"}[$__rate_interval]))`, "{{kind}}"})).
		WithPanel(lines("Passes", "ops", "Over a tenant, or over platform-config.",
			query{`sum by (controller, result) (rate(controller_runtime_reconcile_total{controller=~"gatewaytenant|platformconfig"}[$__rate_interval]))`, "{{controller}}: {{result}}"})).
		WithPanel(lines("How long passes take", "s", "99 of a hundred take no longer.",
			query{`histogram_quantile(0.99, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket[$__rate_interval])))`, "{{controller}}"})).
		WithPanel(lines("Tenants in the queue", "short", "Those that wait for a pass.",
			query{`sum by (controller) (workqueue_depth)`, "{{controller}}"})).
		WithPanel(lines("Requests to the API server", "reqps", "By the code of the answer.",
			query{`sum by (code) (rate(rest_client_requests_total{job="gatewaytenant-operator-metrics"}[$__rate_interval]))`, "{{code}}"})).
		WithPanel(lines("Replica that leads", "short", "Exactly one.",
			query{`max by (pod) (leader_election_master_status{name="gatewaytenant-operator"})`, "{{pod}}"})).
		WithPanel(lines("Memory", "bytes", "",
			query{`max by (pod) (process_resident_memory_bytes{job="gatewaytenant-operator-metrics"})`, "{{pod}}"}))
}

var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

func number(title, description string, q query) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Title(title).Description(description).Datasource(source).
		Height(4).Span(8).Decimals(0).WithTarget(target(q))
}

func lines(title, unit, description string, queries ...query) *timeseries.PanelBuilder {
	panel := timeseries.NewPanelBuilder().Title(title).Description(description).Datasource(source).
		Height(8).Span(12).Unit(unit).Min(0).FillOpacity(10)
	for _, q := range queries {
		panel.WithTarget(target(q))
	}
	return panel
}

func target(q query) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(q.expr).LegendFormat(q.legend)
}

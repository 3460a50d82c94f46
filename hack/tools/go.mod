module github.com/ambient-code/gatewaytenant-operator/hack/tools

go 1.26.0

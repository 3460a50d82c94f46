{{/* The operator's arguments, from flags by name. One that is true needs no value, and null takes one away. */}}
{{- define "flags" -}}
{{- $args := list -}}
{{- range $name, $value := . -}}
{{- if kindIs "invalid" $value -}}
{{- else if eq (toString $value) "true" -}}
{{- $args = append $args (printf "--%s" $name) -}}
{{- else -}}
{{- $args = append $args (printf "--%s=%v" $name $value) -}}
{{- end -}}
{{- end -}}
{{- toJson $args -}}
{{- end -}}

{{/* The fields of an object, as YAML; of an empty one nothing. */}}
{{- define "fields" -}}
{{- with . }}{{ toYaml . }}{{ end }}
{{- end -}}

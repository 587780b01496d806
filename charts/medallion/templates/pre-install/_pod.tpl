{{/* Before anything else of a release; gone once it has succeeded. Hooks of one weight are made in name order. */}}
{{- define "medallion.prepare.metadata" -}}
name: medallion-prepare
labels:
  {{- include "medallion.labels" .root | nindent 2 }}
annotations:
  helm.sh/hook: pre-install,pre-upgrade,pre-rollback
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-failed # helm prints why it refuses
{{- end }}

{{/* Airflow's image, as the Airflow chart is given it. */}}
{{- define "medallion.prepare.image" -}}
{{- $airflow := .Values.airflow -}}
{{- $image := dig "images" "airflow" dict $airflow -}}
{{- $repository := $image.repository | default $airflow.defaultAirflowRepository -}}
{{- if not $repository -}}
{{- fail (printf "airflow.defaultAirflowRepository is empty: set it to %s/airflow, the official image with Medallion in it" (.Values.global.images.registry | default "REGISTRY")) -}}
{{- end -}}
{{- $digest := $image.digest | default $airflow.defaultAirflowDigest -}}
image: {{ $repository }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ $image.tag | default $airflow.defaultAirflowTag }}{{ end }}
imagePullPolicy: {{ $image.pullPolicy | default "IfNotPresent" }}
{{- end }}

{{/* One script in Airflow's image, which has the Kubernetes client. */}}
{{- define "medallion.prepare.container" -}}
name: {{ .name }}
{{ include "medallion.prepare.image" .root }}
command: [python, -B, /scripts/{{ .script }}]
env:
  - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
  - {name: MAKE_SECRETS, value: {{ .root.Values.secrets.create | quote }}}
  - {name: BUNDLED_POSTGRES, value: {{ .root.Values.postgres.enabled | quote }}}
  - {name: POSTGRES_PORT, value: {{ include "medallion.postgres.port" .root | quote }}}
  - {name: POSTGRES_CLAIM, value: {{ include "medallion.postgres.claim" .root | quote }}}
  {{- if and (eq .script "make_tenants.py") .root.Values.postgres.enabled }}
  {{- include "medallion.postgres.administrator" .root | nindent 2 }}
  {{- end }}
  - {name: TENANTS, value: {{ include "medallion.tenants" .root | quote }}}
volumeMounts:
  - {name: scripts, mountPath: /scripts, readOnly: true}
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {memory: 512Mi}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The registry logins that the Airflow chart is given, for the chart's own jobs too. */}}
{{- define "medallion.prepare.pullSecrets" -}}
{{- with .Values.airflow.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The nodes that Airflow's pods may use, for the chart's own jobs too. */}}
{{- define "medallion.prepare.placement" -}}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $.Values.airflow $key }}
{{ $key }}: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}

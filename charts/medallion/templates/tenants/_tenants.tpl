{{/* Every tenant by name, as JSON: where its steps run, with which Secret and service account. */}}
{{- define "medallion.tenants" -}}
{{- $found := dict -}}
{{- $namespaces := list $.Release.Namespace -}}
{{- range .Values.global.tenants -}}
{{- if hasKey $found .name -}}
{{- fail (printf "tenant %s is listed twice: give each tenant its own name" .name) -}}
{{- end -}}
{{- if hasSuffix "-reader" .name -}}
{{- fail (printf "tenant %s: a name must not end with -reader: its role would be that of the analysts of tenant %s, and read their data" .name (trimSuffix "-reader" .name)) -}}
{{- end -}}
{{- if and .namespace (has .namespace $namespaces) -}}
{{- fail (printf "tenant %s: namespace %s is taken: leave it out to use the release's, or name one that is its own" .name .namespace) -}}
{{- end -}}
{{- $namespaces = append $namespaces (.namespace | default "") -}}
{{- $own := dict "namespace" (.namespace | default $.Release.Namespace) -}}
{{- $own = merge $own (dict "secret" (printf "medallion-warehouse-%s" .name)) -}}
{{- $own = merge $own (dict "serviceAccount" (printf "medallion-step-%s" .name)) -}}
{{- $found = set $found .name $own -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{/* The tenants job's access to logins: (dict "root" . "namespace" … "tenants" … "verbs" …). */}}
{{- define "medallion.tenants.access" }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: medallion-tenants
  namespace: {{ .namespace | quote }}
  labels:
    {{- include "medallion.labels" .root | nindent 4 }}
rules:
  {{- if has "patch" .verbs }}
  # Kubernetes cannot limit `create` to names.
  - apiGroups: [""]
    resources: [secrets, persistentvolumeclaims]
    verbs: [create]
  {{- end }}
  - apiGroups: [""]
    resources: [secrets]
    resourceNames:
      {{- range .tenants }}
      - medallion-warehouse-{{ .name }}
      {{- end }}
    verbs: {{ toJson .verbs }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: medallion-tenants
  namespace: {{ .namespace | quote }}
  labels:
    {{- include "medallion.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: medallion-tenants
subjects:
  - {kind: ServiceAccount, name: medallion-tenants, namespace: {{ .root.Release.Namespace | quote }}}
{{- end }}

{{/* What those who start steps' pods may do besides, wherever steps run. */}}
{{- define "medallion.launcher.rules" -}}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, get, list, delete]
{{- end }}

{{- define "medallion.launcher.subjects" -}}
- {kind: ServiceAccount, name: medallion-worker-kubernetes, namespace: {{ .Release.Namespace | quote }}}
- {kind: ServiceAccount, name: medallion-triggerer, namespace: {{ .Release.Namespace | quote }}}
- {kind: ServiceAccount, name: medallion-scheduler, namespace: {{ .Release.Namespace | quote }}}
{{- end }}

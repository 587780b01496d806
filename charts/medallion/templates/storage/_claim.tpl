{{/*
A claim that outlives the release, unless another one is used: (dict "root" . "name" "landing").
With "namespaced" it is that of a tenant's namespace, where the one that is used cannot be seen.
*/}}
{{- define "medallion.claim" -}}
{{- $spec := index .root.Values.persistence .name }}
{{- if and $spec.enabled (or .namespaced (not $spec.existingClaim)) }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "medallion.claim.name" . }}
  labels:
    {{- include "medallion.labels" .root | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  {{- include "medallion.claim.spec" $spec | nindent 2 }}
{{- end }}
{{- end }}

{{- define "medallion.claim.name" -}}
{{- (index .root.Values.persistence .name).existingClaim | default (printf "medallion-%s" .name) -}}
{{- end }}

{{- define "medallion.claim.spec" -}}
accessModes: {{ toJson .accessModes }}
{{- with .storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end }}

{{/* Refuses values under which a pod would wait for a claim that is not there. */}}
{{- define "medallion.claim.check" -}}
{{- $logs := .Values.airflow.logs.persistence -}}
{{- $name := include "medallion.claim.name" (dict "root" . "name" "logs") -}}
{{- if and $logs.enabled (not .Values.persistence.logs.enabled) -}}
{{- fail "persistence.logs.enabled is false: set airflow.logs.persistence.enabled to false too" -}}
{{- end -}}
{{- if and $logs.enabled (ne $logs.existingClaim $name) -}}
{{- fail (printf "the claim of task logs has two names: set airflow.logs.persistence.existingClaim to %s too" $name) -}}
{{- end -}}
{{- if not (or .Values.persistence.backups.enabled .Values.backups.bucket.url (eq (include "medallion.backup.suspend" . | trim) "true")) -}}
{{- fail "persistence.backups.enabled is false: set backups.bucket.url, or backups.enabled to false" -}}
{{- end -}}
{{- end }}

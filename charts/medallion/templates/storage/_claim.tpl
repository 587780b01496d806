{{/* A claim that outlives the release: (dict "root" . "name" … "spec" .Values.…). */}}
{{- define "medallion.claim" -}}
{{- with .spec }}
{{- if .create }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ $.name }}
  labels:
    {{- include "medallion.labels" $.root | nindent 4 }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  {{- include "medallion.claim.spec" . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "medallion.claim.spec" -}}
accessModes: {{ toJson .accessModes }}
{{- with .storageClass }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .size }}
{{- end }}

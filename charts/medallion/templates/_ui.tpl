{{/* The path under which the UI and the API answer: that of airflow.config.api.base_url. */}}
{{- define "medallion.ui.path" -}}
{{- with dig "config" "api" "base_url" "" .Values.airflow -}}
{{- (tpl (toString .) $.Subcharts.airflow | urlParse).path | trimSuffix "/" -}}
{{- end -}}
{{- end }}

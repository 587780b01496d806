{{/* The port of the bundled Postgres' service. */}}
{{- define "medallion.postgres.port" -}}
{{- dig "service" "port" 5432 .Values.postgres -}}
{{- end }}

{{/* The claim of the bundled Postgres' data; an empty text without a claim. */}}
{{- define "medallion.postgres.claim" -}}
{{- with .Values.postgres.storage -}}
{{- if .persistentVolumeClaimName -}}
{{- .persistentVolumeClaimName -}}
{{- else if .requestedSize -}}
{{- .volumeName | default "postgres-data" }}-medallion-postgres-0
{{- end -}}
{{- end -}}
{{- end }}

{{/* The environment that makes psql and psycopg2 the administrator of the bundled Postgres. */}}
{{- define "medallion.postgres.administrator" -}}
- {name: PGHOST, value: medallion-postgres}
- {name: PGPORT, value: {{ include "medallion.postgres.port" . | quote }}}
- {name: PGUSER, value: postgres}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: medallion-postgres, key: postgres-password}}
{{- end }}

{{/* The image whose pg_dump fits the server. */}}
{{- define "medallion.backup.image" -}}
{{- $image := .Values.postgres.image -}}
{{- $own := printf "%s/%s:%s" ($image.registry | default "docker.io") ($image.repository | default "postgres") ($image.tag | toString) -}}
{{- .Values.backups.image | default $own -}}
{{- end }}

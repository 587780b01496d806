{{/* A bundled Postgres is backed up by default; another one as soon as its Secret is named. */}}
{{- define "medallion.backup.suspend" -}}
{{ not (and .Values.backups.enabled (or .Values.backups.secret .Values.postgres.enabled)) }}
{{- end }}

{{/* A pod that dumps as Postgres' administrator to the volume of backups, and takes the dumps to the bucket, if there is one. */}}
{{- define "medallion.backup.pod" -}}
{{- $bucket := .root.Values.backups.bucket -}}
restartPolicy: Never
serviceAccountName: medallion-step
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 999
  runAsGroup: 999
  fsGroup: 999
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- include "medallion.prepare.pullSecrets" .root | nindent 0 }}
{{- include "medallion.prepare.placement" .root | nindent 0 }}
{{- if $bucket.url }}
initContainers:
  - {{- include "medallion.backup.dump" . | nindent 4 }}
containers:
  - {{- include "medallion.backup.bucket" . | nindent 4 }}
{{- else }}
containers:
  - {{- include "medallion.backup.dump" . | nindent 4 }}
{{- end }}
volumes:
  - name: backups
    {{- if $bucket.url }}
    # Room for the dumps on their way: it is made with the pod and goes with it.
    ephemeral:
      volumeClaimTemplate:
        metadata:
          labels:
            {{- include "medallion.labels" .root | nindent 12 }}
        spec:
          {{- include "medallion.claim.spec" .root.Values.persistence.backups | nindent 10 }}
    {{- else }}
    persistentVolumeClaim: {claimName: {{ include "medallion.claim.name" (dict "root" .root "name" "backups") }}}
    {{- end }}
  - name: scripts
    configMap: {name: medallion-backup}
  - {name: tmp, emptyDir: {}}
{{- end }}

{{/* The container that dumps, and that restores: k8s/backup_job.py finds it by its name. */}}
{{- define "medallion.backup.dump" -}}
name: dump
image: {{ include "medallion.backup.image" .root }}
command: [bash, /scripts/backup.sh]
env:
  - {name: BACKUPS, value: /backups}
  - {name: RETENTION_DAYS, value: {{ .root.Values.backups.retentionDays | quote }}}
  - {name: VERIFY, value: {{ .root.Values.backups.verify | quote }}}
  {{- if not .secret }}
  {{- include "medallion.postgres.administrator" .root | nindent 2 }}
  {{- end }}
{{- with .secret }}
envFrom:
  - secretRef: {name: {{ . | quote }}}
{{- end }}
volumeMounts:
  - {name: backups, mountPath: /backups}
  - {name: scripts, mountPath: /scripts, readOnly: true}
  - {name: tmp, mountPath: /tmp}
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {memory: 2Gi}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The container that speaks to the bucket, found by its name as well. */}}
{{- define "medallion.backup.bucket" -}}
name: bucket
image: {{ include "medallion.image" (dict "root" .root "name" "cleaner") }}
imagePullPolicy: {{ .root.Values.global.images.pullPolicy }}
command: [/venv/bin/python, -m, medallion.backups, push]
env:
  - {name: BACKUPS, value: /backups}
  - {name: BACKUPS_URL, value: {{ .root.Values.backups.bucket.url | quote }}}
  - {name: RETENTION_DAYS, value: {{ .root.Values.backups.retentionDays | quote }}}
envFrom:
  - secretRef: {name: {{ .root.Values.backups.bucket.secret | quote }}}
volumeMounts:
  - {name: backups, mountPath: /backups}
  - {name: tmp, mountPath: /tmp}
resources:
  requests: {cpu: 100m, memory: 128Mi}
  limits: {memory: 2Gi}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* A pod that speaks to Postgres as its administrator and has the volume of backups. */}}
{{- define "medallion.backup.pod" -}}
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
containers:
  - name: backup
    image: {{ .root.Values.backups.image }}
    command: [bash, /scripts/backup.sh]
    env:
      - {name: BACKUPS, value: /backups}
      - {name: KEEP_DAYS, value: {{ .root.Values.backups.keepDays | quote }}}
      - {name: VERIFY, value: {{ .root.Values.backups.verify | quote }}}
      {{- if not .secret }}
      - {name: PGHOST, value: medallion-postgres}
      - {name: PGUSER, value: postgres}
      - name: PGPASSWORD
        valueFrom: {secretKeyRef: {name: medallion-postgres, key: postgres-password}}
      {{- end }}
    {{- with .secret }}
    envFrom:
      - secretRef: {name: {{ . }}}
    {{- end }}
    volumeMounts:
      - {name: backups, mountPath: /backups}
      - {name: scripts, mountPath: /scripts, readOnly: true}
      - {name: tmp, mountPath: /tmp}
    resources:
      requests: {cpu: 100m, memory: 128Mi}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
volumes:
  - name: backups
    persistentVolumeClaim: {claimName: medallion-backups}
  - name: scripts
    configMap: {name: medallion-backup}
  - {name: tmp, emptyDir: {}}
{{- end }}

{{/* An image of Medallion's own, by its name: that of the values, or the one of the registry. */}}
{{- define "medallion.image" -}}
{{- $images := .root.Values.global.images -}}
{{- with get $images .name -}}
{{- . -}}
{{- else -}}
{{- $registry := $images.registry | required "global.images.registry is empty: set it to where Medallion's images are, such as registry.example.com/medallion. There is no default, as no name on a public registry is Medallion's" -}}
{{- printf "%s/%s:%s" $registry .name ($images.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{- define "rbinfmt.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "rbinfmt.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "rbinfmt.labels" -}}
{{ include "rbinfmt.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "rbinfmt.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "rbinfmt.table" -}}
{{ if eq .Values.table "host" }}/binfmt_misc{{ else }}/proc/sys/fs/binfmt_misc{{ end }}
{{- end }}

{{- define "rbinfmt.config" -}}
architectures = {{ .Values.architectures | toJson }}
emulators = [{{ .Values.emulators | toJson }}]
credentials = {{ .Values.credentials }}
{{- end }}

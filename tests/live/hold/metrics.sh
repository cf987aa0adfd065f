# shellcheck shell=bash
# value METRIC: what the metrics file says; is METRIC VALUE: it says that.
value() { sed -n "s|^rbinfmt_$1 ||p" metrics/rbinfmt.prom; }
is() { [ "$(value "$1" 2>/dev/null)" = "$2" ]; }

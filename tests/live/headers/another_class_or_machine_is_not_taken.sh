# shellcheck shell=bash
# shellcheck source=patch.sh
. "${BASH_SOURCE%/*}/patch.sh"
patch class 4 '\x01'; wants 126 ./class true 2>/dev/null
patch data 5 '\x02'; wants 126 ./data true 2>/dev/null
patch machine 18 '\xb8'; wants 126 ./machine true 2>/dev/null
patch version 6 '\x00'; wants 126 ./version true 2>/dev/null

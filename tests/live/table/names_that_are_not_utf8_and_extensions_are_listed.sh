# shellcheck shell=bash
printf ':raw:M:3:\\xff\\x00:\\xf0\\x0f:/opt/\xff\xfe run:P' >"$TABLE/register"
printf ':\xe9t\xe9:M::never-there::/bin/true:' >"$TABLE/register"
printf ':jar:E::jar::/usr/bin/jexec:' >"$TABLE/register"
printf ':odd:E::j\xff::/usr/bin/jexec:C' >"$TABLE/register"
rb status --json

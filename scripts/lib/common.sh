# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What every script here shares: messages and folders. Sourced, never run.

# shellcheck disable=SC2034 # for who sources this
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# say PART TEXT...: one line for people, always on stderr, since stdout is for results.
say() {
	printf '%s: %s\n' "$1" "${*:2}" >&2
}

# die STATUS PART TEXT...
die() {
	local status=$1
	shift
	say "$@"
	exit "$status"
}

# The folder for what is fetched or made once; outside the tree, so that `git clean` keeps it.
cache_dir() {
	if [ -n "${ANYPROBE_CACHE:-}" ]; then
		echo "$ANYPROBE_CACHE"
	elif [ -n "${XDG_CACHE_HOME:-}" ]; then
		echo "$XDG_CACHE_HOME/anyprobe"
	elif [ "$(id -u)" -eq 0 ]; then
		echo /var/cache/anyprobe
	else
		echo "$HOME/.cache/anyprobe"
	fi
}

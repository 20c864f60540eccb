# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Building from a script. Sourced.

# A tree that belongs to a user stays theirs under sudo: else their next `make` would fail.
build_owner() {
	local what=$TOP/.output
	[ -d "$what" ] || what=$TOP
	stat -c '%u %g' "$what"
}

# build [TARGET...]: one at a time per tree; make's lines go to stderr, for stdout is the sample's.
build() {
	local uid gid as=()
	read -r uid gid < <(build_owner)
	if [ "$(id -u)" -eq 0 ] && [ "$uid" -ne 0 ] && command -v setpriv >/dev/null; then
		as=(setpriv --reuid "$uid" --regid "$gid" --clear-groups)
	fi
	flock "$TOP/Makefile" "${as[@]}" make -s -C "$TOP" -j"$(nproc)" "$@" >&2
}

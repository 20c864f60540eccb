# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Debian's kernels, fetched by package into the cache, and those built from its source. Sourced by scripts/vm.
#
# $KERNELS/NAME/            appears by one rename, so whoever sees it sees it whole
#   package                 "PACKAGE VERSION SUITE"
#   root/                   the packages unpacked; root/lib/modules/RELEASE has modules.dep
#   headers/build           what modules for it are built against (headers_fetch)
# apt runs with a configuration, sources, lists and status of its own: the machine's apt
# state is read (its mirror, its proxy) and never written.

KERNELS=$(cache_dir)/kernels
SKIP=77

# shellcheck source=scripts/lib/kernels_built.sh
. "$TOP/scripts/lib/kernels_built.sh"
# shellcheck source=scripts/lib/headers.sh
. "$TOP/scripts/lib/headers.sh"

# NAME SUITE...: suites are tried in this order.
kernel_table() {
	cat <<-END
	5.10 bullseye bullseye-security
	6.1 bookworm
	6.12 trixie bookworm-backports
	7.2 forky sid
	5.10-nobpf bullseye bullseye-security
	5.10-bare bullseye bullseye-security
	END
	# Takes long to build and to run: only who asks for it gets it.
	[ "${1:-}" != all ] || echo '6.1-debug bookworm'
}

kernel_names() {
	kernel_table | cut -d' ' -f1
}

kernel_suites() {
	kernel_table all | awk -v name="$1" '$1 == name { $1 = ""; print }'
}

machine_codename() {
	# shellcheck disable=SC1091 # every system has it
	(. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

# The suite that must be reachable: what the machine itself is installed from.
kernel_is_own() {
	local suite
	for suite in $(kernel_suites "$1"); do
		[ "$suite" = "$(machine_codename)" ] && return 0
	done
	return 1
}

# archive_uri [-security]: where the machine's own packages come from. apt reads its own
# sources (both formats), so we need not.
archive_uri() {
	apt-get indextargets --no-release-info --format "\$(RELEASE) \$(COMPONENT) \$(REPO_URI)" \
		'Created-By: Packages' 2>/dev/null |
		awk -v release="$(machine_codename)$1" '$1 == release && $2 == "main" && !found++ { print $3 }'
}

suite_source() {
	local suite=$1 uri signed='' key=/usr/share/keyrings/debian-archive-keyring.gpg
	case $suite in
	*-security) uri=$(archive_uri -security) ;;
	*) uri=$(archive_uri '') ;;
	esac
	[ -n "$uri" ] || return 1
	[ -e $key ] && signed="signed-by=$key"
	echo "deb [arch=amd64 $signed] $uri $suite main"
}

# apt_state DIR SUITE: prepares a private apt state, for `APT_CONFIG=DIR/apt.conf apt-get …`.
apt_state() {
	local dir=$1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	suite_source "$2" >"$dir/sources.list" || return 1
	# Only the Acquire part (proxies) of the machine's settings: hooks would touch the machine.
	apt-config dump | grep '^Acquire::' >"$dir/apt.conf" || true
	# A frozen mirror is as good to us as a fresh one: signatures are still checked, dates not.
	cat >>"$dir/apt.conf" <<-END
	Dir::Etc::main "/dev/null";
	Dir::Etc::parts "/dev/null";
	Dir::Etc::sourcelist "$dir/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Dir::State "$dir";
	Dir::State::lists "$dir/lists";
	Dir::State::status "$dir/status";
	Dir::Cache "$dir/cache";
	APT::Architecture "amd64";
	APT::Architectures { "amd64"; };
	APT::Sandbox::User "";
	Acquire::Languages "none";
	Acquire::Check-Valid-Until "false";
	Acquire::Retries "3";
	END
}

# The metapackage linux-image-amd64 may have moved on to another series, so the image is
# looked up by its own name: linux-image-5.10.0-32-amd64, linux-image-7.2.12+deb14-amd64.
image_package() {
	apt-cache pkgnames "linux-image-$1" |
		grep -E "^linux-image-${1//./\\.}[.+-].*-amd64\$" |
		grep -vE -- "-(rt|cloud)-amd64\$" | sort -V | tail -n 1
}

# Since 7.x the image is a shell around linux-base-*, linux-binary-* and linux-modules-*.
image_parts() {
	local image=$1
	echo "$image"
	apt-cache show --no-all-versions "$image" | awk '/^Depends:/ { gsub(/[,|]/, ""); OFS = "\n"; $1 = $1; print }' |
		grep -xF -e "linux-base-${image#linux-image-}" -e "linux-binary-${image#linux-image-}" \
			-e "linux-modules-${image#linux-image-}" || true
}

# fetch_from NAME SUITE DIR: unpacks the newest NAME kernel of SUITE into DIR.
# Returns 1, with apt's words in DIR/log, when the suite cannot be had or has no such kernel.
fetch_from() {
	local name=$1 suite=$2 dir=$3 image
	apt_state "$dir/apt" "$suite" || {
		echo "no main archive of '$(machine_codename)' in this machine's apt sources" >"$dir/log"
		return 1
	}
	export APT_CONFIG=$dir/apt/apt.conf
	kernel_is_built "$name" && { build_from "$name" "$suite" "$dir" && depmod_root "$dir"; return; }
	# Else apt only warns about a suite that it cannot reach.
	apt-get -o APT::Update::Error-Mode=any update >"$dir/log" 2>&1 || return 1
	image=$(image_package "$name")
	[ -n "$image" ] || { echo "$suite has no linux-image-$name*-amd64" >"$dir/log"; return 1; }
	say vm "fetching $image from $suite"
	# shellcheck disable=SC2046 # one word per package
	(cd "$dir/apt" && apt-get download $(image_parts "$image")) >"$dir/log" 2>&1 || return 1
	kernel_unpack "$dir" && echo "$image $(apt-cache show --no-all-versions "$image" |
		awk '/^Version:/ { print $2 }') $suite" >"$dir/package"
	unset APT_CONFIG
}

# kernel_unpack DIR: DIR/apt/*.deb -> DIR/root, with the modules' index made.
kernel_unpack() {
	local dir=$1 deb
	for deb in "$dir"/apt/*.deb; do
		dpkg -x "$deb" "$dir/root" 2>>"$dir/log" || return 1
	done
	[ -d "$dir/root/lib" ] || ln -s usr/lib "$dir/root/lib"
	rm -rf "$dir/root/usr/share/doc"
	depmod_root "$dir"
}

depmod_root() {
	depmod -b "$1/root" "$(kernel_release "$1/root")" 2>>"$1/log"
}

# kernel_release ROOT: the name that `uname -r` will give.
kernel_release() {
	(cd "$1/lib/modules" && echo *)
}

kernel_image() {
	local image
	for image in "$1"/boot/vmlinuz-* "$1"/lib/modules/*/vmlinuz; do
		[ -f "$image" ] && { echo "$image"; return; }
	done
	return 1
}

# kernel_fetch NAME: returns 0 with $KERNELS/NAME there, or says why and returns 1 or $SKIP.
kernel_fetch() {
	local name=$1 suite dir lock
	[ -n "$(kernel_suites "$name")" ] ||
		die 2 vm "failed to find kernel '$name': not in \`scripts/vm list\`, nor a file"
	[ -f "$KERNELS/$name/package" ] && return 0
	kernel_lock "$name"
	for suite in $(kernel_suites "$name"); do
		[ -f "$KERNELS/$name/package" ] && break
		dir=$KERNELS/.fetch-$name
		rm -rf "$dir" && mkdir "$dir"
		if kernel_try "$name" "$suite" "$dir"; then break; fi
	done
	exec {lock}>&-
	[ -f "$KERNELS/$name/package" ] && return 0
	if kernel_is_own "$name"; then
		say vm "failed to get this release's own kernel: check that 'apt-get update' works"
		return 1
	fi
	say vm "skip: kernel $name cannot be had here (see above)"
	return $SKIP
}

# log_reason LOG: the line that says why, in our own words or in apt's ("Err:1 URI", then "  Could not…").
log_reason() {
	{ grep -E '^(  [A-Z]|E: )' "$1" || tail -n 1 "$1"; } | sed '1!d; s/^ *//; s/^E: //'
}

kernel_try() {
	local name=$1 suite=$2 dir=$3
	if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
		say vm "failed to fetch kernel $name: this machine has no apt; give a bzImage's path instead"
		return 1
	fi
	# In a subshell, so that apt's settings do not outlive it; `set -e` is off inside a condition.
	if (fetch_from "$name" "$suite" "$dir") && [ -f "$dir/package" ] && kernel_image "$dir/root" >/dev/null; then
		rm -rf "$dir/apt" "$dir/log"
		mv -T "$dir" "$KERNELS/$name"
		return 0
	fi
	say vm "failed to fetch kernel $name from $suite: $(log_reason "$dir/log")"
	rm -rf "$dir"
	return 1
}

# kernel_lock NAME: sets `lock`; close it to let go.
kernel_lock() {
	mkdir -p "$KERNELS" || die 1 vm "failed to make $KERNELS: set ANYPROBE_CACHE to a folder you may write"
	exec {lock}>"$KERNELS/$1.lock"
	flock "$lock"
}

kernel_list() {
	local name package version suite
	printf '%-10s %-10s %-40s %-20s %s\n' KERNEL STATE PACKAGE VERSION SUITE
	for name in $(kernel_names); do
		if [ -f "$KERNELS/$name/package" ]; then
			read -r package version suite <"$KERNELS/$name/package"
			printf '%-10s %-10s %-40s %-20s %s\n' "$name" cached "$package" "$version" "$suite"
		else
			printf '%-10s %-10s %-40s %-20s %s\n' "$name" 'not yet' "$(kernel_is_built "$name" && echo "linux-source-${name%%-*}" || echo "linux-image-$name*-amd64")" - \
				"$(kernel_suites "$name" | sed 's/^ //; s/ / or /g')"
		fi
	done
}

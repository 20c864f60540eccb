# SPDX-License-Identifier: GPL-2.0-only
# Bash completion for anyprobe and for its samples' own names; anyprobe itself knows the words.
_anyprobe() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]} sample
	sample=${program##*/}
	[ "$sample" != anyprobe ] || sample=${COMP_WORDS[1]}
	case $previous in
	--output) mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$current"); return ;;
	--engine) mapfile -t COMPREPLY < <(compgen -W "auto kernel ftrace" -- "$current"); return ;;
	-p | --pid) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$current"); return ;;
	esac
	if [ "${program##*/}" = anyprobe ] && [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" complete 2>/dev/null)" -- "$current")
	elif [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" complete "$sample" 2>/dev/null)" -- "$current")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}
complete -o filenames -F _anyprobe anyprobe

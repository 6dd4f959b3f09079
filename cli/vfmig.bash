# SPDX-License-Identifier: BSD-3-Clause
# Completion for bash. What there is to complete is asked of the command itself.
_vfmig()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd=${COMP_WORDS[1]} words=

	COMPREPLY=()
	_get_comp_words_by_ref -n : cur prev 2>/dev/null
	if [ "$COMP_CWORD" -eq 1 ]; then
		words=$(vfmig help | awk '/^  [a-z]+ +[A-Z]/ { print $1 }')
	elif [ "$prev" = --filter ] || [ "$prev" = --to-filter ] || [ "$prev" = -f ]; then
		words=$(vfmig list --json | sed -n 's/.*"kind":"filter","name":"\([^"]*\)".*/\1/p')
		compopt -o nospace
	elif [ "${cur#-}" != "$cur" ]; then
		words=$(vfmig help "$cmd" | grep -o -e '^ *\(-., \)\?--[a-z-]*' | grep -o -e '--[a-z-]*')
	else
		case $cmd in
		help)
			words="devices exit-codes $(vfmig help | awk '/^  [a-z]+ +[A-Z]/ { print $1 }')"
			;;
		states)
			words="RUNNING RUNNING_P2P PRE_COPY PRE_COPY_P2P STOP STOP_COPY RESUMING ERROR"
			words="$words ${words,,}"
			;;
		inspect)
			COMPREPLY=($(compgen -f -- "$cur"))
			return
			;;
		*)
			case $cur in
			vfio-user:*) COMPREPLY=($(compgen -f -- "${cur#vfio-user:}")) && return ;;
			esac
			words="$(vfmig list --json | sed -n 's/.*"name":"\(model:[^"]*\)".*/\1/p') vfio-user:"
			COMPREPLY=($(compgen -f -- "$cur"))
			;;
		esac
	fi
	COMPREPLY+=($(compgen -W "$words" -- "$cur"))
	declare -F __ltrim_colon_completions >/dev/null && __ltrim_colon_completions "$cur"
}
complete -F _vfmig vfmig

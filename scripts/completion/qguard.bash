# Completion of qguard's programs for bash. Put it into
# /usr/share/bash-completion/completions/qguard with a link for each of
# qguard-scan, qguard-queue, qguard-pam and qguardd, or source it in ~/.bashrc.
#
# What a program takes is asked of the program: its -help has flags in brackets,
# "[-c conf]" with the kind of value, and qguard's a line for each command. So
# this knows what the installed version knows.

# _qguard_flags prints the flags in the usage lines on standard input.
_qguard_flags() {
	grep -oE '(^  |[[| ])-[a-z][a-z-]*' | tr -d '[| '
}

# _qguard_value FLAG prints the kind of value that a flag takes, -flag or --flag.
_qguard_value() {
	[[ $1 =~ ^--?([a-z][a-z-]*)$ ]] && grep -oE -- "\[-${BASH_REMATCH[1]} [a-z]+" | sed 's/.* //' | head -n 1
}

# _qguard_commands prints what stands before the explanations of the commands.
_qguard_commands() {
	sed -n 's/^  \([a-z][^ ]* *\)/\1/p' | sed 's/   *.*//'
}

_qguard() {
	local program=${1/#\~/$HOME} cur=${COMP_WORDS[COMP_CWORD]} name=${1##*/}
	local help usage i kind words=() conf=()
	COMPREPLY=()
	help=$("$program" -help 2>&1 </dev/null)
	[[ $help == usage:* ]] || return 0
	usage=$(sed '/^$/q' <<<"$help"; grep -E '^  -' <<<"$help")

	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} != -* ]]; then
			words+=("${COMP_WORDS[i]}")
			continue
		fi
		kind=$(_qguard_value "${COMP_WORDS[i]}" <<<"$help")
		[[ -n $kind ]] || continue
		if ((++i == COMP_CWORD)); then
			_qguard_reply "$kind"
			return 0
		fi
		[[ $kind != conf ]] || conf=(-c "${COMP_WORDS[i]}")
	done

	case $name in
	qguard) _qguard_command ;;
	*)
		if [[ $cur == -* ]]; then
			_qguard_words "$(_qguard_flags <<<"$usage") -help"
		elif [[ $name != qguardd ]]; then
			_qguard_reply file
		fi
		;;
	esac
}

# _qguard_command completes qguard's commands, their flags and arguments.
_qguard_command() {
	local lines rest
	lines=$(_qguard_commands <<<"$help")
	if ((${#words[@]} == 0)); then
		if [[ $cur == -* ]]; then
			_qguard_words "$(sed '/^$/q' <<<"$help" | _qguard_flags) -help"
		else
			_qguard_words "$(sed 's/ .*//' <<<"$lines")"
		fi
		return
	fi
	lines=$(grep -E "^${words[0]//[^a-z]/}( |$)" <<<"$lines")
	rest=$(sed -n 's/^[a-z]* \([a-z][a-z]*\).*/\1/p' <<<"$lines")
	if ((${#words[@]} == 1)) && [[ -n $rest && $cur != -* ]]; then
		_qguard_words "$rest"
		return
	fi
	if [[ -n $rest ]]; then
		lines=$(grep -E "^[a-z]* ${words[1]//[^a-z]/}( |$)" <<<"$lines")
	fi
	case $cur:${#words[@]}:$lines in
	-*) _qguard_words "$(_qguard_flags <<<"$lines")" ;;
	*:2:*' ID'*) _qguard_words "$("$program" "${conf[@]}" quarantine list 2>/dev/null </dev/null | grep -oE '^[0-9A-Za-z-]+')" ;;
	*FILE*) _qguard_reply file ;;
	esac
}

# _qguard_reply offers values of a kind.
_qguard_reply() {
	case $1 in
	conf | file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	esac
}

# _qguard_words offers some words.
_qguard_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur" | sort -u)
}

complete -F _qguard qguard qguard-scan qguard-queue qguard-pam qguardd

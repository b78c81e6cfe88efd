# Completion of whtnxt for bash. tools/check-docs compares it with the table of commands and with the
# settings; tests/completion runs it.

_whtnxt_options() {
    case $1 in
        up) options="--foreground" ;;
        down) options="" ;;
        restart) options="" ;;
        status) options="--json --watch" ;;
        link) options="--qr --lan" ;;
        connect) options="--timeout --json" ;;
        cancel) options="" ;;
        disconnect) options="" ;;
        forget) options="" ;;
        block) options="" ;;
        unblock) options="" ;;
        alias) options="" ;;
        peers) options="--json" ;;
        ping) options="--count --interval --json" ;;
        log) options="--follow --json" ;;
        identity) options="--yes --force --base64 --json" ;;
        settings) options="--json" ;;
        version) options="" ;;
        help) options="" ;;
        *) options="--profile --no-color --help --version" ;;
    esac
}

# Aliases and ids of the peers that a running WhatNext knows; it is never started for that. What they
# are called is text of other people's choosing: nothing of it is ever expanded.
_whtnxt_peers() {
    local cur=$1 name
    shift
    while IFS= read -r name; do
        [[ $name == "$cur"* ]] && COMPREPLY+=("$(printf %q "$name")")
    done < <(whtnxt "$@" peers --json 2>/dev/null |
        sed -n 's/^ *"\(alias\|peerId\)": "\([^"\\]*\)",\{0,1\}$/\2/p' | sort -u)
}

_whtnxt() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="up down restart status link connect cancel disconnect forget block unblock alias
        peers ping log identity settings version help"
    local keys="listen.port links.confirm"
    local i command= options words= place=0
    local profile=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --profile) profile=(--profile "${COMP_WORDS[++i]}") ;;
            -*) ;;
            *)
                [[ -n $command ]] && ((place++))
                command=${command:-${COMP_WORDS[i]}}
                ;;
        esac
    done
    COMPREPLY=()
    if [[ $prev == --profile && -z $command ]]; then
        words=$(cd "${XDG_DATA_HOME:-$HOME/.local/share}/whtnxt" 2>/dev/null && printf '%s\n' *)
    elif [[ $cur == -?* || ($cur == - && $command != identity) ]]; then
        _whtnxt_options "$command"
        words=$options
    elif [[ -z $command ]]; then
        words=$commands
    else
        case $command:$place in
            help:0) words=$commands ;;
            disconnect:0 | forget:0 | block:0 | unblock:0 | alias:0 | ping:0)
                _whtnxt_peers "$cur" "${profile[@]}"
                return
                ;;
            identity:0) words="show new import export" ;;
            identity:1) compopt -o default 2>/dev/null ;;
            settings:0) words="$keys reset" ;;
            settings:1) [[ $prev == reset ]] && words=$keys ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _whtnxt whtnxt

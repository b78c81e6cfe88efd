# Completion of whtnxt for bash. tools/check-docs compares it with the table of commands.

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

_whtnxt() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local commands="up down restart status link connect cancel disconnect forget block unblock alias peers ping log identity settings version help"
    local i command= options words
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --profile) ((i++)) ;;
            -*) ;;
            *)
                command=${COMP_WORDS[i]}
                break
                ;;
        esac
    done
    if [[ $prev == --profile && -z $command ]]; then
        words=$(cd "${XDG_DATA_HOME:-$HOME/.local/share}/whtnxt" 2>/dev/null && printf '%s\n' *)
    elif [[ $cur == -* ]]; then
        _whtnxt_options "$command"
        words=$options
    elif [[ -z $command || $command == help ]]; then
        words=$commands
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _whtnxt whtnxt

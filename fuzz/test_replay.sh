#!/bin/sh
# Shows the replay program failing when it must. test_replay.sh PROGRAM
replay=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0
bad=0

# expect STATUS(ok|fail) TEXT NAME FOLDER
expect() {
    count=$((count + 1))
    out=$("$replay" "$4" 2>&1)
    if [ $? -eq 0 ]; then got=ok; else got=fail; fi
    if [ "$got" = "$1" ] && printf '%s' "$out" | grep -qF -- "$2"; then
        echo "ok $count - $3"
    else
        echo "not ok $count - $3"
        printf '%s\n' "$out" | sed 's/^/# /'
        bad=1
    fi
}

echo 1..4
mkdir "$dir/empty" "$dir/good" "$dir/boom"
printf 'abc' >"$dir/good/one"
: >"$dir/good/two"
printf 'boom!' >"$dir/boom/culprit"
expect fail 'not ok' 'a missing folder fails' "$dir/none"
expect fail 'not ok' 'an empty folder fails' "$dir/empty"
expect ok 'ok 1 - 2 inputs' 'every input runs' "$dir/good"
expect fail '# culprit' 'the input that crashes is named' "$dir/boom"
exit $bad

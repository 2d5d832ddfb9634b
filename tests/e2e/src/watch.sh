# Runs a command in this process group until standard input says otherwise, and never longer than whoever holds it.
#   watch.sh FOLDER COMMAND …
# STOP ends the group in good order, KILL ends it as a power cut would. When the input closes, because the test is over
# or was killed itself, the group is ended and FOLDER removed. Must be started as the leader of a process group.
folder=$1
shift
exec 2>&1
trap : TERM
# Handlers are for shells alone: the command takes a SIGTERM as it likes, and its shell waits for it.
{ trap : TERM; "$@"; echo "watch: ended with $?"; } </dev/null &
command=$!

read -r word
[ "$word" = KILL ] && kill -KILL 0

kill -TERM 0
{ sleep 5; kill -KILL 0; } </dev/null >/dev/null &
wait "$command"
[ "$word" = STOP ] || rm -rf "$folder"
kill -KILL 0

# The first process in the container of a team's own command. Medallion's container says when to start and to stop.
# Only builtins of dash: the image may have nothing.
here=${0%/*}
trap 'exit 0' TERM
exec 3<"$here/start" 4>"$here/end" 5>"$here/output" || exit 0
# Medallion's container may end without a word, as when the step's gate is closed.
read -r word <&3 || exit 0
[ "$word" = start ] || exit 0

(
  exec 3<&- 4>&-
  # shellcheck disable=SC1091 # written for each run
  . "$here/command.sh"
) </dev/null >&5 2>&1 5>&- &
command=$!
exec 5>&-
trap 'kill -TERM $command' TERM

(
  exec 4>&-
  while read -r word; do kill -TERM "$command"; done <&3
  kill -KILL "$command" # Medallion's container has ended, and the lock is free
) &
listener=$!

code=
while [ -z "$code" ] || kill -0 "$command" 2>/dev/null; do # a signal interrupts `wait`
  wait "$command"
  code=$?
done
kill "$listener" 2>/dev/null
echo "$code" >&4

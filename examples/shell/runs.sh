#!/bin/sh
# A proxy plays ../cassettes/runs.json, and curl calls it as it would call the service.
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)

runproxy serve --cassette runs --dir ../cassettes --port 0 --admin-port 0 --ready-file "$folder/ready.json" &
proxy=$!
trap 'kill "$proxy" || true; wait "$proxy" || true; rm -r "$folder"' EXIT
until [ -e "$folder/ready.json" ]; do
  kill -0 "$proxy" # ends the script if runproxy has ended
  sleep 0.05
done
base_url=$(sed -n 's/.*"base_url": *"\([^"]*\)".*/\1/p' "$folder/ready.json")

call() { # what curl is given after the address; prints the status, and leaves the answer in a file
  curl --silent --output "$folder/answer.json" --write-out '%{http_code}' \
    "$base_url/threads/thread_abc123/runs/run_abc123" -H 'Content-Type: application/json' "$@"
}

[ "$(call -d '{"metadata": {"user_id": "user_abc123"}}')" = 200 ]
grep --quiet '"user_id": "user_abc123"' "$folder/answer.json"
echo 'ok: a modified run says whose it is'

[ "$(call)" = 200 ]
grep --quiet '"user_id": "user_abc123"' "$folder/answer.json"
echo 'ok: the run still says so when it is got'

[ "$(call -d '{"metadata": {"user_id": "somebody else"}}')" = 501 ]
grep --quiet '"code": "cassette_miss"' "$folder/answer.json"
grep --quiet 'somebody else' "$folder/answer.json"
echo 'ok: a call that was never recorded is a miss, and says what differs'

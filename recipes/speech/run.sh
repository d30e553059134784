#!/usr/bin/env bash
# Trains the default model and judges it. Run again after an interruption, it continues.
#   recipes/speech/run.sh DATA OUT
set -eo pipefail
here=$(dirname "$0") data=$1 out=$2 start=()
clips=(--data "$data/kathleen" --data "$data/nathalie" --data "$data/flemishguy")

stage() {  # NAME OPTION ...: trains NAME.toml from the weights of the stage before
    audiodiff train "$here/$1.toml" "${clips[@]}" --out "$out/$1" --resume "${start[@]}" "${@:2}"
    start=(--init "$out/$1/model")
}
stage 1-all-times
stage 2-near-noise
stage 3-longer
stage 4-own-run --max-steps 12010
stage 5-low-frequencies
stage 6-two-calls
stage 7-large-batch
python "$here/../../benchmarks/quality.py" "$data" -o "$out/quality" --model "$out/7-large-batch/model"

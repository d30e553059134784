#!/usr/bin/env bash
# The speech recipe from nothing to its table. Every stage can be interrupted and run again.
#   recipes/speech/run.sh DATA OUT [STAGE ...]
# DATA holds kathleen/, nathalie/, flemishguy/ (LJSpeech's form, with split lists) and unseen-gd/.
# Stages: train, judge; both by default. OMP_NUM_THREADS sets the threads of training.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$1" && pwd) out=$2
shift 2
stages=${*:-train judge}

# The embedded model began as a run of 7000 steps and was shortened to 5600 after step 1730, which
# the learning rate remembers; the first command repeats that.
train() {
    run=("$here/diffwave.toml" --out "$out/run" --resume)
    run+=(--data "$data/kathleen" --data "$data/nathalie" --data "$data/flemishguy")
    audiodiff train "${run[@]}" --set steps=7000 --max-steps 1730
    audiodiff train "${run[@]}"
}

judge() {
    python "$here/../../benchmarks/quality.py" "$data" -o "$out/quality" --model "$out/run/model"
}

for stage in $stages; do
    "$stage"
done

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

# First at times all over [0, 1] and a constant learning rate, then at those near 1 until it has
# fallen to 0.
train() {
    clips=(--data "$data/kathleen" --data "$data/nathalie" --data "$data/flemishguy")
    first=(--set steps=6095 --set optimizer.warmup=200 --set optimizer.decay=0)
    first+=(--set times.mean=0.4 --set times.std=1.0)
    audiodiff train "$here/bandsplit.toml" "${clips[@]}" --out "$out/first" --resume "${first[@]}"
    audiodiff train "$here/bandsplit.toml" "${clips[@]}" --out "$out/run" --resume \
        --init "$out/first/model"
}

judge() {
    python "$here/../../benchmarks/quality.py" "$data" -o "$out/quality" --model "$out/run/model"
}

for stage in $stages; do
    "$stage"
done

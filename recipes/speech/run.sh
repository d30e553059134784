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

# Each part starts from the weights of the one before: at times all over [0, 1] and a constant
# learning rate; at those near 1, until it has fallen to 0; once more from a lower one, for longer;
# through its own run of one call, by the spectrograms that come out, as far as the rate has fallen
# to 0.0012; so again with more weight on low frequencies, until it has fallen to 0; through the run of
# two calls; and once more from a lower rate, for longer, with twice the batch.
train() {
    clips=(--data "$data/kathleen" --data "$data/nathalie" --data "$data/flemishguy")
    high=(--set optimizer.lr=0.015 --set optimizer.adamw_lr=2e-3)
    first=(--set steps=6095 --set optimizer.warmup=200 --set optimizer.decay=0)
    first+=(--set times.mean=0.4 --set times.std=1.0)
    second=(--set steps=6000 --set optimizer.decay=0.5)
    part first "${high[@]}" "${first[@]}"
    part second "${high[@]}" "${second[@]}" --init "$out/first/model"
    one_call=(--set 'model.sampling.times=[0.98, 0.0]' --set spectral.diffusion_items=2)
    fourth=("${one_call[@]}" --set steps=20500 --max-steps 12010)
    fourth+=(--set optimizer.lr=0.003 --set optimizer.adamw_lr=4e-4)
    fifth=("${one_call[@]}" --set spectral.emphasis=2 --set steps=8000)
    fifth+=(--set optimizer.lr=0.0012 --set optimizer.adamw_lr=1.6e-4)
    sixth=(--set spectral.diffusion_items=2 --set steps=1400)
    sixth+=(--set optimizer.lr=0.002 --set optimizer.adamw_lr=2.7e-4)
    last=(--set spectral.diffusion_items=2 --set steps=7400 --set accumulation=2)
    last+=(--set optimizer.lr=0.001 --set optimizer.adamw_lr=1.4e-4)
    part third --init "$out/second/model"
    part fourth "${fourth[@]}" --init "$out/third/model"
    part fifth "${fifth[@]}" --init "$out/fourth/model"
    part sixth "${sixth[@]}" --init "$out/fifth/model"
    part run "${last[@]}" --init "$out/sixth/model"
}

# part NAME OPTION ...: one part of the training, in a folder of its own.
part() {
    name=$1
    shift
    audiodiff train "$here/bandsplit.toml" "${clips[@]}" --out "$out/$name" --resume "$@"
}

judge() {
    python "$here/../../benchmarks/quality.py" "$data" -o "$out/quality" --model "$out/run/model"
}

for stage in $stages; do
    "$stage"
done

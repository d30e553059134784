#!/usr/bin/env bash
# The speech recipe from nothing to its table. Every stage can be interrupted and run again.
#   recipes/speech/run.sh DATA OUT [STAGE ...]
# DATA holds kathleen/, nathalie/, flemishguy/ (LJSpeech's form, with split lists) and unseen-gd/.
# Stages: train vocode evaluate table; all of them by default. OMP_NUM_THREADS sets the threads.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
data=$(cd "$1" && pwd) out=$2
shift 2
stages=${*:-train vocode evaluate table}
voices="kathleen nathalie flemishguy"
steps="4 8"

# The embedded model began as a run of 7000 steps and was shortened to 5600 after step 1730, which
# the learning rate remembers; the first command repeats that.
train() {
    run=("$here/diffwave.toml" --out "$out/run" --resume)
    run+=(--data "$data/kathleen" --data "$data/nathalie" --data "$data/flemishguy")
    audiodiff train "${run[@]}" --set steps=7000 --max-steps 1730
    audiodiff train "${run[@]}"
}

# The test clips of every voice, as links: `vocode` and `evaluate` take whole folders.
collect() {
    for voice in $voices; do
        mkdir -p "$out/test/$voice"
        while read -r id; do
            ln -sf "$data/$voice/wavs/$id".* "$out/test/$voice/"
        done <"$data/$voice/test.txt"
    done
    mkdir -p "$out/test/unseen-gd"
    ln -sf "$data"/unseen-gd/wavs/* "$out/test/unseen-gd/"
}

vocode() {
    collect
    for n in $steps; do
        audiodiff vocode "$out/test" -o "$out/made/diffwave-$n" --model "$out/run/model" --steps "$n"
    done
    python "$here/../../benchmarks/griffin_lim.py" "$out/test" -o "$out/made/griffin-lim-32"
}

evaluate() {
    for made in "$out"/made/*; do
        for voice in $voices unseen-gd; do
            mkdir -p "$out/scores/$voice"
            audiodiff evaluate "$out/test/$voice" "$made/$voice" \
                --json "$out/scores/$voice/$(basename "$made").json"
        done
    done
}

table() {
    for voice in $voices unseen-gd; do
        printf '\n%s\n\n' "$voice"
        python "$here/../../benchmarks/quality_table.py" "$out/scores/$voice"/*.json
    done
}

for stage in $stages; do
    "$stage"
done

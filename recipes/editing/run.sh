#!/usr/bin/env bash
# A model that fills gaps in recordings of speech, from four public voices to figures:
#   [ROOT=DIR] recipes/editing/run.sh OUT [STAGE ...]
# The voices are downloaded and prepared as ../speech does. ../stages.sh has the other settings.
all="download prepare train evaluate"
archives=()
export CONFIG=${CONFIG:-unet}
. "$(dirname "$0")/../stages.sh"

download() {
    "$recipes/speech/run.sh" "$out" download
}

prepare() {
    "$recipes/speech/run.sh" "$out" prepare
}

train() {
    voices=()
    for voice in "$out"/speech-22k/*/; do
        voices+=(--data "$voice")
    done
    audiodiff train "$here/$config.toml" "${voices[@]}" --out "$run" --resume "${train_options[@]}"
}

evaluate() {
    python "$recipes/../benchmarks/inpainting.py" "$out/speech-22k" --model "$model"
}

run_stages

#!/usr/bin/env bash
# Four voices from their public recordings, the default model trained on three of them, and its figures:
#   [ROOT=DIR] recipes/speech/run.sh OUT [STAGE ...]
# VOICES are those to prepare, all four if not set. ../stages.sh has the other settings and the stage
# download; ROOT holds dataset-voice-kathleen and so on.
all="download prepare train evaluate"
archives=(
    https://github.com/rhasspy/dataset-voice-kathleen git:c51cb971036a127359b43c621f26ca5081eab13e
    https://github.com/rhasspy/dataset-voice-nathalie git:3b3e91f39d13e2e681d8937575efb9bd3b3d8f5c
    https://github.com/rhasspy/dataset-voice-flemishguy git:2576e9c8e5b6eec92e45010b5ede87c4f836f21e
    https://github.com/rhasspy/dataset-voice-kerstin git:f73127135cf80d6ef52aef6af58c49774f4fd625
)
. "$(dirname "$0")/../stages.sh"

prepare() {
    for voice in ${VOICES:-kathleen nathalie flemishguy kerstin}; do
        gain=0
        [ "$voice" != kathleen ] || gain=7
        prepare_voice "$voice" "$gain"
    done
}

prepare_voice() {  # VOICE GAIN: the sets of a voice at both rates, raised by a gain in dB
    python "$here/voices.py" "$1" "${ROOT:-$out/raw}" "${SPLITS-$here/splits}/$1" "$out/voices/$1"
    for rate in 22050 24000; do
        prepared=$out/speech-$((rate / 1000))k/$1
        audiodiff prepare folder --root "$out/voices/$1" -o "$prepared" --rate "$rate" \
            --high-pass 40 --gain "$2" "${prepare_options[@]}"
        cp "$out/voices/$1/metadata.csv" "$prepared"
    done
}

train() {
    data=$out/speech-22k start=()
    train_stage 1-all-times
    train_stage 2-near-noise
    train_stage 3-longer
    train_stage 4-own-run --max-steps 12010
    train_stage 5-low-frequencies
    train_stage 6-two-calls
    train_stage 7-large-batch
}

train_stage() {  # NAME OPTION ...: trains NAME.toml from the weights of the stage before
    audiodiff train "$here/$1.toml" --data "$data/kathleen" --data "$data/nathalie" \
        --data "$data/flemishguy" --out "$out/$1" --resume "${start[@]}" "${@:2}" \
        "${train_options[@]}"
    start=(--init "$out/$1/model")
}

evaluate() {
    python "$here/../../benchmarks/quality.py" "$out/speech-22k" -o "$out/quality" \
        --model "$out/7-large-batch/model"
}

run_stages

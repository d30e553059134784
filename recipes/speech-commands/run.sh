#!/usr/bin/env bash
# SC09, ten spoken digits at 16 kHz, from nothing to new ones:
#   [ROOT=DIR] [CONFIG=labels] recipes/speech-commands/run.sh OUT [STAGE ...]
# The stages, and what else can be set, are in ../stages.sh.
corpus=speech-commands
rate=16000
archives=(
    http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
    sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58
)
init=
export CONFIG=${CONFIG:-unconditional}
. "$(dirname "$0")/../stages.sh"

search() {
    echo "nothing to search: a model without a mel has no recordings to come near to"
}

vocode() {
    audiodiff generate "$model" -o "$out/made/$config" -n 100
}

evaluate() {
    echo "nothing to compare with: listen to $out/made/$config"
}

run_stages

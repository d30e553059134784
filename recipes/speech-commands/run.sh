#!/usr/bin/env bash
# SC09, ten spoken digits at 16 kHz, from the corpus to new ones:
#   [ROOT=DIR] [CONFIG=labels] recipes/speech-commands/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=speech-commands
rate=16000
archives=(
    http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz
    sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58
)
init=
export CONFIG=${CONFIG:-unconditional}
. "$(dirname "$0")/../stages.sh"

vocode() {
    audiodiff generate "$model" -o "$out/made/$config" -n 100
}

evaluate() {
    echo "nothing to compare with: listen to $out/made/$config"
}

run_stages

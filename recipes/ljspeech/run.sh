#!/usr/bin/env bash
# LJSpeech 1.1, one voice at 22.05 kHz, from the corpus to figures: [ROOT=DIR] recipes/ljspeech/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=ljspeech
rate=22050
archives=(
    https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2
    sha256:be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5
)
init=
[ "${CONFIG:-bandsplit}" != bandsplit ] || init=default
. "$(dirname "$0")/../stages.sh"
run_stages

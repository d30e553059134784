#!/usr/bin/env bash
# Music at 44.1 kHz: MUSDB18-HQ, or a folder like it, from the corpus to figures: [ROOT=DIR] recipes/musdb/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=musdb
rate=44100
archives=(
    https://zenodo.org/record/3338373/files/musdb18hq.zip
    sha256:baac80d0483c61d74b2e5f3be75fa557eec52898339e6aa45c1fa48833c5d21d
)
init=
. "$(dirname "$0")/../stages.sh"
run_stages

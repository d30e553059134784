#!/usr/bin/env bash
# VCTK 0.92, 110 voices, at 24 kHz, from the corpus to figures: [ROOT=DIR] recipes/vctk/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=vctk
rate=24000
archives=(
    https://datashare.is.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip
    sha256:f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c
)
init=
. "$(dirname "$0")/../stages.sh"
run_stages

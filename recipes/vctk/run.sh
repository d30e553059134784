#!/usr/bin/env bash
# VCTK 0.92, 108 voices, at 24 kHz, from nothing to figures: [ROOT=DIR] recipes/vctk/run.sh OUT [STAGE ...]
# The stages, and what else can be set, are in ../stages.sh.
corpus=vctk
rate=24000
archives=(
    https://datashare.is.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip
    sha256:f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c
)
init=
. "$(dirname "$0")/../stages.sh"
run_stages

#!/usr/bin/env bash
# Any folder of audio, from nothing to figures: ROOT=DIR recipes/custom/run.sh OUT [STAGE ...]
# The stages, and what else can be set, are in ../stages.sh.
corpus=folder
rate=22050
[ "${CONFIG:-}" != bandsplit-24k ] || rate=24000
archives=()
init=
[ "${CONFIG:-bandsplit}" != bandsplit ] || init=default
. "$(dirname "$0")/../stages.sh"
run_stages

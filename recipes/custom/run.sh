#!/usr/bin/env bash
# From any folder of audio to figures: ROOT=DIR recipes/custom/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=folder
rate=22050
[ "${CONFIG:-}" != bandsplit-24k ] || rate=24000
archives=()
init=
[ "${CONFIG:-bandsplit}" != bandsplit ] || init=default
. "$(dirname "$0")/../stages.sh"
run_stages

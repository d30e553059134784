#!/usr/bin/env bash
# Spoken digits made from their labels, from the corpus to figures:
#   [ROOT=DIR] recipes/digits/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=digits
rate=22050
archives=(
    https://github.com/Jakobovski/free-spoken-digit-dataset git:26eb9aaf76e81b692f806f9140c2d2777410d7a1
)
init=
all="download prepare train classifier judge search evaluate"
export CONFIG=${CONFIG:-unet} PREPARE="--min-seconds 0.1 ${PREPARE:-}"
export SEARCH=${SEARCH:---steps 4,6,8,12}
. "$(dirname "$0")/../stages.sh"

# Tells the classes of noisy states, for guidance.
classifier() {
    part "$here/classifier.toml" "$out/classifier"
}

# Tells the classes of sounds, and has no part in making them.
judge() {
    part "$here/judge.toml" "$out/judge"
}

evaluate() {
    python "$recipes/../benchmarks/digits.py" "$out"
}

run_stages

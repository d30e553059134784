#!/usr/bin/env bash
# Spoken digits made from their labels, from the corpus to figures:
#   [ROOT=DIR] recipes/digits/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=digits
rate=22050
archives=()
init=
all="download prepare train classifier judge search evaluate"
repository=https://github.com/Jakobovski/free-spoken-digit-dataset
commit=26eb9aaf76e81b692f806f9140c2d2777410d7a1
export CONFIG=${CONFIG:-unet} PREPARE="--min-seconds 0.1 ${PREPARE:-}"
export SEARCH=${SEARCH:---steps 4,6,8,12}
. "$(dirname "$0")/../stages.sh"

# A commit is its own checksum.
download() {
    if [ -n "${ROOT:-}" ]; then
        echo "taking the copy in $ROOT"
    elif [ ! -d "$out/raw/recordings" ]; then
        rm -rf "$out/raw" "$out/raw.part"
        git init --quiet "$out/raw.part"
        git -C "$out/raw.part" fetch --depth 1 "$repository" "$commit"
        git -C "$out/raw.part" checkout --quiet FETCH_HEAD
        mv "$out/raw.part" "$out/raw"
    fi
}

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

#!/usr/bin/env bash
# Spoken digits made from their labels by latent diffusion, from the corpus to figures:
#   [ROOT=DIR] recipes/digits-latent/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=digits
rate=22050
archives=(
    https://github.com/Jakobovski/free-spoken-digit-dataset git:26eb9aaf76e81b692f806f9140c2d2777410d7a1
)
init=$1/autoencoder/model
all="download prepare autoencoder train judge evaluate"
export CONFIG=${CONFIG:-unet} PREPARE="--min-seconds 0.1 ${PREPARE:-}"
. "$(dirname "$0")/../stages.sh"

# Learns to stand for a mel by a few numbers.
autoencoder() {
    part "$here/autoencoder.toml" "$out/autoencoder"
}

# Tells the classes of sounds, and has no part in making them.
judge() {
    part "$recipes/digits/judge.toml" "$out/judge"
}

evaluate() {
    python "$recipes/../benchmarks/reconstruction.py" "$model" "$out/prepared"
    python "$recipes/../benchmarks/digits.py" "$out" --only "classifier-free, scale 2"
}

run_stages

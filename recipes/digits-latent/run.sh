#!/usr/bin/env bash
# Spoken digits made from their labels by latent diffusion, from the corpus to figures:
#   [ROOT=DIR] recipes/digits-latent/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
. "$(dirname "$0")/../digits/corpus.sh"
init=$1/autoencoder/model
all="download prepare autoencoder train judge evaluate"
. "$(dirname "$0")/../stages.sh"

# Learns to stand for a mel by a few numbers.
autoencoder() {
    part "$here/autoencoder.toml" "$out/autoencoder"
}

evaluate() {
    python "$recipes/../benchmarks/reconstruction.py" "$model" "$out/prepared"
    python "$recipes/../benchmarks/digits.py" "$out" --only "classifier-free, scale 2"
}

run_stages

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

# Trains on a corpus with few nines, one clip in a hundred, and counts those that are made if no digit is
# asked for. It needs the stages autoencoder and judge.
rare() {
    (
        judge=$out/judge/model
        out=$out/rare
        run=$out/$config
        SPLITS=$here/rare
        prepare
        train
        python "$recipes/../benchmarks/rare_classes.py" "$run/model" "$out/prepared" -o "$out" --judge "$judge"
    )
}

all="$all rare"  # which runs only if it is asked for
run_stages

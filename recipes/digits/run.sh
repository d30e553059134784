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

# Students of the U-Net that take fewer steps and need no guidance, judged beside it.
distill() {
    students progressive
    # Estimates a hundredth of the time apart differ by less than bfloat16 tells.
    students consistency --set precision=fp32 --set steps=6000
    python "$recipes/../benchmarks/distillation.py" "$out"
}

students() {
    audiodiff distill "$model" --method "$1" --steps 1,2,4,8 --config "$here/distill.toml" \
        --data "$out/prepared" --out "$out/$1" --resume "${@:2}" "${train_options[@]}"
}

all="$all distill"  # which runs only if it is asked for, as it takes longer than the others together
run_stages

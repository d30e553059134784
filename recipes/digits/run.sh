#!/usr/bin/env bash
# Spoken digits made from their labels, from the corpus to figures:
#   [ROOT=DIR] recipes/digits/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
. "$(dirname "$0")/corpus.sh"
init=
all="download prepare train classifier judge search evaluate"
export SEARCH=${SEARCH:---steps 4,6,8,12}
. "$(dirname "$0")/../stages.sh"

# Tells the classes of noisy states, for guidance.
classifier() {
    part "$here/classifier.toml" "$out/classifier"
}

evaluate() {
    python "$recipes/../benchmarks/digits.py" "$out"
}

# Students of the U-Net that take fewer steps and need no guidance, judged beside it.
distill() {
    students progressive
    # Estimates a hundredth of the time apart differ by less than bfloat16 tells.
    students consistency --set precision=fp32 --set steps=6000
    students shortcut --set steps=6000
    students meanflow --set precision=fp32 --set steps=6000
    python "$recipes/../benchmarks/distillation.py" "$out"
}

students() {
    audiodiff distill "$model" --method "$1" --steps 1,2,4,8 --config "$here/distill.toml" \
        --data "$out/prepared" --out "$out/$1" --resume "${@:2}" "${train_options[@]}"
}

all="$all distill"  # which runs only if it is asked for, as it takes longer than the others together
run_stages

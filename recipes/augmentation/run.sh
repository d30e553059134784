#!/usr/bin/env bash
# What a classifier of digits gains from generated clips, from the corpus to a table:
#   [ROOT=DIR] [PERCENTS="5 10"] recipes/augmentation/run.sh OUT [STAGE ...]
# PERCENTS are the shares of the training recordings that are learned from, "5 10 50 100" if not set, and
# TIMES is the number of clips that are made for each of them, 5 if not set.
# The stage generator, which runs only if it is asked for, trains a model on each share alone, and makes
# clips with it; the default model of digits has heard all recordings. ../stages.sh has the other settings.
. "$(dirname "$0")/../digits/corpus.sh"
init=
all="download prepare shares classical generate compare"
. "$(dirname "$0")/../stages.sh"
times=${TIMES:-5}
read -ra percents <<<"${PERCENTS:-5 10 50 100}"

shares() {
    python "$here/shares.py" "$out" "${percents[@]}"
}

# Changes each recording several times.
classical() {
    for percent in "${percents[@]}"; do
        python "$here/classical.py" "$out/share-$percent" "$out/classical-$percent" "$times"
    done
}

generate() {
    for percent in "${percents[@]}"; do
        make_like digits "$percent" "$out/generated"
    done
}

# Makes several clips for each recording of a share.
make_like() {
    classes=$(tail -n +2 "$out/prepared/labels.csv" | cut -d, -f2- | sort -u | wc -l)
    clips=$(grep -c . "$out/share-$2/train.txt")
    audiodiff generate "$1" --like "$out/share-$2" --per-class $((times * clips / classes)) -o "$3"
}

generator() {
    for percent in "${percents[@]}"; do
        own=$out/generator-$percent
        audiodiff train "$here/generator.toml" --data "$out/share-$percent" --out "$own" --resume \
            "${train_options[@]}"
        make_like "$own/model" "$percent" "$out/own-$percent"
    done
}

compare() {
    python "$recipes/../benchmarks/generated_data.py" "$out" "${percents[@]}"
}

all="$all generator"
run_stages

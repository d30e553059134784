#!/usr/bin/env bash
# Spoken digits made from texts, from the corpus to figures:
#   [ROOT=DIR] [INIT=digits] [DEVICE=cuda] recipes/digits-text/run.sh OUT [STAGE ...]
# INIT=digits starts from the model of labels instead of new weights, which takes less time; that model
# has heard the combinations of digit and speaker that are held out here. DEVICE is where the sounds for
# the figures are made, cpu if not set. ../stages.sh has the stages and the other settings.
. "$(dirname "$0")/../digits/corpus.sh"
init=${INIT:-}
all="download prepare captions train evaluate"
. "$(dirname "$0")/../stages.sh"

# Says in several phrasings what is known of each clip.
captions() {
    python "$here/captions.py" "$out/prepared"
}

evaluate() {
    python "$recipes/../benchmarks/text.py" "$out" --device "${DEVICE:-cpu}"
}

run_stages

# What the recipes' run.sh share. Before it sources this, each sets
#   corpus     the name of the layout for `audiodiff prepare`
#   rate       the sample rate in Hz
#   archives   the URL and digest of each archive in turn; empty if there is nothing to download
#   init       the model whose weights training starts from; empty for none
# and, if it has others than those here,
#   all        the names of its stages, each a function, in the order in which they run
# and the environment may set
#   ROOT       a copy of the corpus to use instead of a download
#   SPLITS     a folder of split lists instead of the recipe's; empty for none
#   CONFIG     a config in the recipe's folder, without .toml; bandsplit if not set
#   TRAIN      more options of `audiodiff train`, e.g. "--set steps=1000"
#   SEARCH     options of `audiodiff search`; "--steps 2,4,6" if not set
#   PREPARE    more options of `audiodiff prepare`, e.g. "--loudness -23"
#
# A stage can be interrupted and run again, and does nothing once it is done. A recipe may redefine
# stages after sourcing this; it ends with run_stages.
set -eo pipefail

recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: [ROOT=DIR] $0 OUT [STAGE ...]" >&2; exit 2; }
out=$1
shift
all=${all:-download prepare train search vocode evaluate}
stages=${*:-$all}
config=${CONFIG:-bandsplit}
read -ra train_options <<<"${TRAIN:-}"
read -ra prepare_options <<<"${PREPARE:-}"
read -ra search_options <<<"${SEARCH:---steps 2,4,6}"
run=$out/$config
model=$run/model

download() {
    if [ -n "${ROOT:-}" ]; then
        echo "taking the copy in $ROOT"
        return
    fi
    if [ ${#archives[@]} -eq 0 ]; then
        echo "error: nothing to download here; give your audio as ROOT=FOLDER" >&2
        exit 2
    fi
    for ((i = 0; i < ${#archives[@]}; i += 2)); do
        python "$recipes/fetch.py" "${archives[i]}" "${archives[i + 1]}" "$out/raw"
    done
}

prepare() {
    lists=()
    splits=${SPLITS-$here/splits}
    [ ! -d "$splits" ] || lists=(--splits "$splits")
    audiodiff prepare "$corpus" --root "${ROOT:-$out/raw}" -o "$out/prepared" --rate "$rate" \
        "${lists[@]}" "${prepare_options[@]}"
}

# Trains NAME.toml and, if there is one, NAME-run.toml: the second part, from the weights of the first,
# through the model's own run.
train() {
    start=()
    [ -z "$init" ] || start=(--init "$init")
    if [ -f "$here/$config-run.toml" ]; then
        part "$here/$config.toml" "$out/$config-first" "${start[@]}"
        part "$here/$config-run.toml" "$run" --init "$out/$config-first/model"
    else
        part "$here/$config.toml" "$run" "${start[@]}"
    fi
}

part() {
    audiodiff train "$1" --data "$out/prepared" --out "$2" --resume "${@:3}" "${train_options[@]}"
}

# A search keeps times only if it can judge them on four clips and search on another, or by force.
search() {
    clips=$(grep -c . "$out/prepared/dev.txt")
    if [ "$clips" -lt 5 ] && [[ " ${search_options[*]} " != *" --force "* ]]; then
        echo "search: skipped, as dev.txt has $clips clips and at least 5 are needed;" \
            "SEARCH='--steps 2,4,6 --force' searches anyway"
        return
    fi
    audiodiff search "$model" --data "$out/prepared" --plot "${search_options[@]}"
}

# Makes the clips of the test list, or of the dev list if the corpus has no test list.
vocode() {
    list=$out/prepared/test.txt
    [ -f "$list" ] || list=$out/prepared/dev.txt
    audiodiff vocode "$out/prepared/wavs" --list "$list" -o "$out/made/$config" --model "$model" \
        --verbose
}

evaluate() {
    audiodiff evaluate "$out/prepared/wavs" "$out/made/$config" --json "$out/$config.json"
}

# Runs the stages that were asked for, in the given order.
run_stages() {
    for stage in $stages; do
        if [[ " $all " != *" $stage "* ]]; then
            echo "error: no stage '$stage'; there are $all" >&2
            exit 2
        fi
        "$stage"
    done
}

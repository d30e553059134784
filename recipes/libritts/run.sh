#!/usr/bin/env bash
# LibriTTS-R, hundreds of voices at 24 kHz, from the corpus to figures:
#   [ROOT=DIR] [SUBSETS="train-clean-100 ..."] recipes/libritts/run.sh OUT [STAGE ...]
# ../stages.sh has the stages and the other settings.
corpus=libritts
rate=24000
archives=()
# The corpus's page gives only MD5.
for subset in ${SUBSETS:-train-clean-100} dev-clean test-clean; do
    case $subset in
    dev-clean) digest=2c1f5312914890634cc2d15783032ff3 ;;
    test-clean) digest=4d373d453eb96c0691e598061bbafab7 ;;
    train-clean-100) digest=6df668d8f5f33e70876bfa33862ad02b ;;
    train-clean-360) digest=382eb3e64394b3da6a559f864339b22c ;;
    train-other-500) digest=a37a8e9f4fe79d20601639bf23d1add8 ;;
    *)
        echo "error: SUBSETS: $subset is none of train-clean-100 train-clean-360 train-other-500" >&2
        exit 2
        ;;
    esac
    archives+=("https://www.openslr.org/resources/141/${subset//-/_}.tar.gz" "md5:$digest")
done
init=
. "$(dirname "$0")/../stages.sh"
run_stages

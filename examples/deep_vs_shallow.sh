#!/usr/bin/env bash
# Deep or shallow? Networks of 1, 2, 4 and 8 layers with as many parameters as 4x100, each with two
# learning rates and three seeds: 24 trials, some minutes on two cores. The answer is
# deep-vs-shallow/report.html, in the folder where this is called.
set -euo pipefail
picture=${1:-$(dirname "${BASH_SOURCE[0]}")/portrait.png}
fit-image sweep "$picture" \
    --layers 1x100 --layers 2x100 --layers 4x100 --layers 8x100 --match-params 4x100 \
    --optimizer adam --lr 0.003,0.001 --lr-schedule cosine --init he \
    --seeds 3 --epochs 60 --max-pixels 40000 \
    --animation none --output deep-vs-shallow --resume

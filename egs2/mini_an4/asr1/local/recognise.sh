#!/usr/bin/env bash
# Two utterances of AN4's test set, and what the recogniser in pretrained/, which was trained without
# them, makes of each. They come with ESPnet, so that nothing is downloaded.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

# shellcheck source=egs2/TEMPLATE/asr1/path.sh
. ./path.sh
local/data.sh > /dev/null
mapfile -t files < <(cut -d ' ' -f 2- data/dev/wav.scp data/test/wav.scp)
mapfile -t texts < <(cut -d ' ' -f 2- data/dev/text data/test/text)

echo "A recogniser of CMU AN4, {2, 5, 1, 1}: twelve layers executed, four that have parameters."
echo "It hears two utterances of the test set, of speakers that it has not heard before:"
transcripts=$(python3 -m espnet_recursive.bin.transcribe "${files[@]}" \
    --model pretrained/an4.zip --config pretrained/decode.yaml)
mapfile -t heard < <(cut -f 2 <<< "${transcripts}")
for i in "${!files[@]}"; do
    printf '\n  %s\n    spoken:      %s\n    recognised:  %s\n' \
        "$(basename "${files[i]}")" "${texts[i]}" "${heard[i]}"
done
cat << EOF

It knows spelled words, numbers and dates. Let it hear yours:
  espnet-recursive transcribe speech.wav --model $(pwd)/pretrained/an4.zip \\
      --config $(pwd)/pretrained/decode.yaml
EOF

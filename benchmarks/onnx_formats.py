"""Word error rates of a model of stored features in every format, beside ESPnet's own.

    cd egs2/an4/asr1
    python benchmarks/onnx_formats.py exp/asr_an4_features --data dump/extracted/test
    python benchmarks/onnx_formats.py ... --lm bigram.arpa --lm_weight 0.3 --word_bonus 0

Greedy CTC decoding; with --lm a row more, of the float32 file with beam search. The first row is
PyTorch's encoder, the others are files as `espnet-recursive export --to encoder --format ...`
writes them. "as ESPnet" counts utterances with the same text as in the first row.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import kaldialign
import numpy as np
import torch
from tabulate import tabulate
from tqdm import tqdm

from espnet_recursive.export.checks import check_exportable
from espnet_recursive.export.encoder_graph import encoder_graph
from espnet_recursive.export.formats import CONVERSIONS
from espnet_recursive.export.runtime import open_session
from espnet_recursive.model.loaded_model import load_asr_model
from espnet_recursive.model.model_input import input_features
from espnet_recursive.onnx_recognizer.beam_search import BeamOptions, BeamSearch
from espnet_recursive.onnx_recognizer.greedy import greedy
from espnet_recursive.recipe.data_dir import read_table
from espnet_recursive.recipe.feats import read_features
from espnet_recursive.transcription.words import text_of

LogProbs = Callable[[np.ndarray], np.ndarray]


def main(cmd: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="experiment")
    parser.add_argument("--data", type=Path, required=True, help="folder with feats.scp and text")
    parser.add_argument("--model_file", help="checkpoint (valid.acc.ave.pth)")
    parser.add_argument("--lm", type=Path, help="n-gram language model in ARPA's form")
    parser.add_argument("--beam_size", type=int, default=50)
    parser.add_argument("--lm_weight", type=float, default=0.5)
    parser.add_argument("--word_bonus", type=float, default=1.5)
    args = parser.parse_args(cmd)
    loaded = load_asr_model(args.model, args.model_file)
    model, tokens = loaded.model, loaded.config["token_list"]
    size = input_features(loaded.config)
    if size is None:
        parser.error(f"{args.model} takes audio; this reads stored features")
    texts = read_table(args.data / "text")
    features = normalised(model, args.data / "feats.scp")

    @torch.no_grad()
    def espnet(x: np.ndarray) -> np.ndarray:
        out, *_ = model.encoder(torch.from_numpy(x)[None], torch.tensor([len(x)]))
        out = out[0] if isinstance(out, tuple) else out  # with intermediate CTC's outputs
        return model.ctc.log_softmax(out)[0].numpy()

    def recognise(log_probs: LogProbs) -> dict[str, str]:
        found = {}
        for key, x in tqdm(features.items(), unit="utt"):
            labels = greedy(log_probs(x))
            pieces = [tokens[label.token] for label in labels]
            found[key] = text_of(pieces, loaded.config["token_type"])
        return found

    check_exportable(loaded, None, loops_as_input=False)
    graph = encoder_graph(model.encoder, size, model.ctc)
    expected = recognise(espnet)
    rows = [("ESPnet", "", f"{errors(texts, expected):.2%}", len(expected))]
    for name, convert in CONVERSIONS.items():
        small = convert(graph)
        session = open_session(small)

        def onnx(x: np.ndarray, session=session) -> np.ndarray:
            inputs = {"features": x[None], "lengths": np.array([len(x)])}
            return session.run(["ctc_log_probs"], inputs)[0][0]

        found = recognise(onnx)
        same = sum(found[key] == text for key, text in expected.items())
        size_of_file = f"{small.ByteSize() / 1e6:.2f}"
        rows.append((name, size_of_file, f"{errors(texts, found):.2%}", same))
        if args.lm and name == "float32":
            options = BeamOptions(args.beam_size, args.lm, args.lm_weight, args.word_bonus)
            search = BeamSearch(tokens, loaded.config["token_type"], options)
            found = {key: search(onnx(x), 1.0, 0.0)[0] for key, x in tqdm(features.items())}
            same = sum(found[key] == text for key, text in expected.items())
            rows.append(
                (f"{name}, {args.lm.name}", size_of_file, f"{errors(texts, found):.2%}", same)
            )
    words = sum(len(text.split()) for text in texts.values())
    print(f"{args.model}, {args.data}: {len(texts)} utterances, {words} words")
    print(tabulate(rows, ("", "MB", "WER", "as ESPnet"), "pipe", disable_numparse=True))


@torch.no_grad()
def normalised(model, feats_scp: Path) -> dict[str, np.ndarray]:
    """Key -> (T, F) features of each utterance, normalised."""
    found = {}
    for key, place in read_table(feats_scp).items():
        x = read_features(place, key)
        features, lengths = torch.from_numpy(x)[None], torch.tensor([len(x)])
        if model.normalize is not None:
            features, lengths = model.normalize(features, lengths)
        found[key] = features[0].numpy()
    return found


def errors(texts: dict[str, str], found: dict[str, str]) -> float:
    """Word error rate."""
    wrong = sum(
        kaldialign.edit_distance(text.split(), found[key].split())["total"]
        for key, text in texts.items()
    )
    return wrong / sum(len(text.split()) for text in texts.values())


if __name__ == "__main__":
    main()

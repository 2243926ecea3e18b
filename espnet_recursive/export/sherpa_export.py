"""The export of a recogniser for sherpa-onnx: choose the loader, make its files, compare, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from espnet_recursive.errors import UserError, is_integer
from espnet_recursive.export.agreement import espnet_log_probs
from espnet_recursive.export.graphs import make_constant
from espnet_recursive.export.recogniser_export import (
    Recogniser,
    RecogniserOptions,
    make_recogniser,
)
from espnet_recursive.export.recogniser_graph import features_recogniser_of
from espnet_recursive.export.runtime import open_session
from espnet_recursive.export.sherpa_client import client_labels
from espnet_recursive.export.sherpa_files import (
    DECODER,
    README,
    TOKENS,
    check_tokens,
    encoder_file,
    moonshine_tokens,
    own_names,
    readme,
    save,
    symbol_tokens,
)
from espnet_recursive.export.sherpa_graphs import (
    FIRST_TOKEN,
    FRAME_SECONDS,
    moonshine_decoder,
    moonshine_encoder,
    omnilingual,
)
from espnet_recursive.export.sherpa_routes import route_of
from espnet_recursive.files.whole_files import whole_dir
from espnet_recursive.onnx_recognizer.greedy import greedy


@dataclass(frozen=True)
class SherpaOptions:
    """Options of the export for sherpa-onnx.

    Attributes:
        num_loops: Loops of a recursive encoder; None for what is configured.
        loops: Several numbers of loops instead, a file for each over one file of weights.
        precision: As for ``RecogniserOptions``.
        route: One of ``sherpa_routes.ROUTES``; None for the first that fits.
    """

    num_loops: int | None = None
    loops: Sequence[int] = ()
    precision: str = "float32"
    route: str | None = None


@dataclass(frozen=True)
class SherpaReport:
    """The report of the export for sherpa-onnx.

    Attributes:
        source: The model as the user named it.
        route: Its loader.
        num_bytes: Size of the folder.
        same_texts: Of each file, the utterances with ESPnet's labels.
        utterances: Names of those that were compared.
    """

    source: str
    route: str
    num_bytes: int
    same_texts: dict[str, int]
    utterances: Sequence[str]

    def __str__(self) -> str:
        size, number = f"{self.num_bytes / 1e6:.1f} MB", len(self.utterances)
        head = f"{self.source}: a recogniser of {size} for sherpa-onnx's loader {self.route}"
        rows = [f"{file}: {n} of {number} texts as ESPnet's" for file, n in self.same_texts.items()]
        return "\n".join([head, "", *rows, "", f"on {', '.join(self.utterances)}"])


def export_sherpa(
    model: Path | str,
    folder: Path,
    options: SherpaOptions,
    model_file: str | None = None,
    audio: Sequence[Path] = (),
    any_size: bool = False,
) -> SherpaReport:
    """Write a recogniser for sherpa-onnx as a folder; see ``export_recogniser``.

    Raises:
        UserError: If the model cannot be used or exported, fits no loader, or a float32 file does
            not give ESPnet's text; nothing is written then.
    """
    for loops in options.loops:
        if not is_integer(loops, least=1):
            raise UserError(f"--loops {loops}: at least 1")
    with whole_dir(folder, own=own_names(folder)) as part:
        first = options.loops[0] if options.loops else options.num_loops
        whole = RecogniserOptions(first, not options.loops, options.precision)
        made = make_recogniser(model, whole, model_file, audio, any_size)
        name, config = made.loaded.name, made.loaded.config
        check_tokens(name, config["token_list"], config.get("token_type"))
        route = _route(made, options.route)
        same: dict[str, int] = {}
        for number in options.loops or (None,):
            file = encoder_file(route, number)
            graph = _of_route(made, route, number)
            same[file] = _same_texts(made, graph, route, number)
            if options.precision == "float32" and same[file] < len(made.utterances):
                raise UserError(
                    f"{name}: {file} gives ESPnet's text for {same[file]} of "
                    f"{len(made.utterances)} utterances through {route}, so nothing was written. "
                    "Compare it on other speech with --audio, or try another --route"
                )
            save(graph, part / file, shared=bool(options.loops))
        _write_others(part, route, made, list(same), shared=bool(options.loops))
    size = sum(file.stat().st_size for file in folder.iterdir())
    return SherpaReport(name, route, size, same, [utterance for utterance, _ in made.utterances])


def _route(made: Recogniser, wanted: str | None) -> str:
    try:
        return route_of(made.loaded.model, made.rate, made.frame_seconds, wanted)
    except UserError as error:
        raise UserError(f"{made.loaded.name}: {error}") from error


def _of_route(made: Recogniser, route: str, loops: int | None) -> onnx.ModelProto:
    """The file that the loader reads first."""
    graph = onnx.ModelProto()
    if route == "zipformer_ctc":
        graph.CopyFrom(features_recogniser_of(made.loaded.model, made.encoder))
        graph.metadata_props.extend(made.graph.metadata_props)
    else:
        graph.CopyFrom(made.graph)
    if loops is not None:
        make_constant(graph, "num_loops", loops)
    if route == "omnilingual":
        return omnilingual(graph, round(made.frame_seconds / FRAME_SECONDS))
    return moonshine_encoder(graph) if route == "moonshine_v2" else graph


def _same_texts(made: Recogniser, graph: onnx.ModelProto, route: str, loops: int | None) -> int:
    """Utterances of which the client gets ESPnet's labels."""
    session, expected = open_session(graph), made.expected
    if loops is not None:
        made.loaded.model.encoder.set_depth(loops)
        expected = [espnet_log_probs(made.loaded, *utterance) for utterance in made.utterances]
    frontend = made.loaded.model.frontend
    return sum(
        client_labels(route, session, frontend, samples)
        == [label.token for label in greedy(log_probs)]
        for (_, samples), log_probs in zip(made.utterances, expected, strict=True)
    )


def _write_others(
    folder: Path, route: str, made: Recogniser, files: Sequence[str], shared: bool
) -> None:
    tokens = made.loaded.config["token_list"]
    lines = symbol_tokens(tokens)
    if route == "moonshine_v2":
        onnx.save(moonshine_decoder(made.graph), folder / DECODER)
        lines = moonshine_tokens(tokens, FIRST_TOKEN)
    (folder / TOKENS).write_text(lines, encoding="utf-8")
    features = made.loaded.model.frontend.output_size()
    text = readme(route, files, made.loaded.encoder, shared, made.rate, features)
    (folder / README).write_text(text, encoding="utf-8")

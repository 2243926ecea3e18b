"""ESPnet's recogniser for inference, which refuses what ESPnet would load without a word."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from espnet2.bin import asr_inference
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask
from typeguard import TypeCheckError

from espnet_recursive.asr.depth import Depth
from espnet_recursive.errors import UserError, reason
from espnet_recursive.espnet_versions import decodes_batches
from espnet_recursive.files.read_yaml import read_yaml
from espnet_recursive.model.checked_model import find_checked_model
from espnet_recursive.model.config_files import check_config_files
from espnet_recursive.model.model_input import input_features
from espnet_recursive.model.schema import read_model_config
from espnet_recursive.model.stored_weights import tensors_only
from espnet_recursive.model.weights import check_same_tokens, check_weights
from espnet_recursive.publish.encoded import Encoded, NBest, SearchLock, encoding_each_alone
from espnet_recursive.publish.usable_speech import as_floats
from espnet_recursive.speed.prepared import prepare_for_inference


class Speech2Text(asr_inference.Speech2Text):
    """``espnet2.bin.asr_inference.Speech2Text`` for recursive and stock models, with checks.

    ESPnet builds what the configuration says and loads of the checkpoint what fits by name; the
    rest keeps its random values. Here a checkpoint is refused that does not fit in every name and
    shape, is damaged, or carries other settings of its training than the configuration; so is a
    language model of other tokens, and a published model that needs other versions or says another
    recursion than its configuration.

    Args:
        asr_train_config: The config.yaml of the training; that beside the checkpoint by default.
        asr_model_file: The checkpoint.
        num_loops: Loops of every utterance, at most, of a recursive encoder.
        loop_exit: The criterion by which an utterance stops earlier.
        loop_exit_threshold: Below it, an utterance stops.
        loop_exit_min: Loops that every utterance runs. These four are the options of
            :class:`espnet_recursive.asr.depth.Depth`; without them, the configuration holds.
        encoder_precision: "float32", "bfloat16" or "int8" prepare the encoder, recursive or not,
            for faster inference; see :func:`espnet_recursive.speed.prepared.prepare_for_inference`.
        **kwargs: Every other argument of ESPnet's class.

    Attributes:
        keep_encoder_output: Whether ``encoded`` of n-best lists holds the encoder's output, for an
            alignment of the text; False by default.

    Raises:
        UserError: If a checkpoint does not fit its configuration, or the language model the
            recogniser, or the depth, the precision or the beam cannot be.

    Example:
        >>> model = Speech2Text.from_pretrained("asr_L1.zip", beam_size=10)  # doctest: +SKIP
        >>> text, *_ = model(samples)[0]  # doctest: +SKIP
    """

    keep_encoder_output = False

    def __init__(
        self,
        asr_train_config: Path | str | None = None,
        asr_model_file: Path | str | None = None,
        *,
        num_loops: int | None = None,
        loop_exit: str | None = None,
        loop_exit_threshold: float | None = None,
        loop_exit_min: int | None = None,
        encoder_precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        depth = Depth(num_loops, loop_exit, loop_exit_threshold, loop_exit_min)
        if encoder_precision is not None:
            for key, plain in (("dtype", "float32"), ("quantize_asr_model", False)):
                if kwargs.get(key, plain) != plain:
                    raise UserError(f"{key}={kwargs[key]} does not go with encoder_precision")
        _check_parts(asr_train_config, asr_model_file, kwargs)
        super().__init__(asr_train_config, asr_model_file, **kwargs)
        self._check_beam()
        depth.apply(self.asr_model)
        if encoder_precision is not None:
            prepare_for_inference(self.asr_model.encoder, encoder_precision)
        self._encoded: list[Encoded] | None = None
        self._search = SearchLock()

    def __call__(self, speech: Any, *, depth: Depth | None = None) -> Any:
        """Decode as ESPnet does; what the encoder did stands in ``encoded`` of the n-best list.

        Several threads may call one recogniser. Their encoders run side by side, if the attention
        of the model is ESPnet's with ``use_sdpa: true`` or the encoder has been prepared
        (`encoder_precision`). The search runs for one thread after the other: ESPnet's scorers
        keep state between the steps of an utterance.

        Args:
            speech: (samples,) between -1 and 1, or integers of 8, 16 or 32 bits, which are scaled;
                or a list of such.
            depth: The depth of this call, in the place of that of the constructor.

        Raises:
            UserError: If it is of another type, holds NaN, or is too short for the frontend, or the
                depth cannot be.
        """
        if self._encoded is not None:  # within a call
            return super().__call__(speech)
        if isinstance(speech, (list, tuple)):
            return self.batch_decode(speech, depth=depth)
        speech = as_floats(speech, self._takes_features)
        with self._one_call(depth) as call:
            return call(speech)

    def batch_decode(
        self, speech: Any, speech_lengths: Any = None, *, depth: Depth | None = None
    ) -> Any:
        """Search for several utterances together, as ESPnet does, but encode each alone.

        So each gets the result that it has alone. In ESPnet's batches the last frames of all but
        the longest depend on the padding, and one that is too short is not noticed.

        Threads and `depth` are as in a call of this class.

        Raises:
            UserError: As a call of this class does.
        """
        if self._encoded is not None:
            return super().batch_decode(speech, speech_lengths)
        if isinstance(speech, (list, tuple)):
            speech = [as_floats(one, self._takes_features) for one in speech]
        else:
            speech = as_floats(speech, self._takes_features)
        if not decodes_batches():  # before ESPnet 202610
            if speech_lengths is not None:
                speech = [one[:n] for one, n in zip(speech, speech_lengths, strict=True)]
            return [self(one, depth=depth) for one in speech]
        with self._one_call(depth) as call:
            return call.batch_decode(speech, speech_lengths)

    @contextmanager
    def _one_call(self, depth: Depth | None) -> Iterator[Self]:
        """A copy for one call, with a list of its own of what was encoded.

        From the end of its encoding to that of the block, no other thread searches.
        """
        call, model = copy(self), self.asr_model if depth is None else depth.view(self.asr_model)
        call._encoded = []
        with ExitStack() as search:
            call.asr_model = encoding_each_alone(
                model,
                call._encoded,
                lambda: search.enter_context(self._search),
                self.keep_encoder_output,
            )
            try:
                yield call
            finally:
                warned = "_warned_no_batch_decode"  # ESPnet's, once for a recogniser
                setattr(self, warned, getattr(call, warned, False))

    @property
    def _takes_features(self) -> bool:
        return input_features(vars(self.asr_train_args)) is not None

    def _check_beam(self) -> None:
        """Refuse a beam in which the search has no choice left; ESPnet fails far inside."""
        tokens, beam = len(self.asr_model.token_list), getattr(self.beam_search, "beam_size", 0)
        if beam >= tokens:
            raise UserError(
                f"beam_size {beam}: the model has {tokens} tokens, and the beam must be smaller. "
                f"Give a beam_size of {tokens - 1} or less."
            )

    def _hyps_to_results(self, nbest_hyps: list[Any]) -> Any:
        # ESPnet calls this for the utterances in the order in which they were encoded.
        return self._with_encoded(super()._hyps_to_results(nbest_hyps))

    def _decode_single_sample(self, enc: Any) -> Any:
        results = super()._decode_single_sample(enc)
        # Before ESPnet 202610 there is no method like that above.
        return results if isinstance(results, NBest) else self._with_encoded(results)

    def _with_encoded(self, results: Any) -> NBest:
        return NBest(results, self._encoded.pop(0) if self._encoded else None)

    @classmethod
    def from_pretrained(
        cls,
        model_tag: Path | str,
        model_file: str | None = None,
        any_size: bool = False,
        **kwargs: Any,
    ) -> "Speech2Text":
        """Load a published model, or one that was trained here.

        Args:
            model_tag: A Hugging Face id (``user/name``, ``user/name@revision``), a tag of ESPnet's
                model zoo, a pack (.zip), the folder of an unpacked one, or an experiment directory.
            model_file: The checkpoint of an experiment directory, valid.acc.ave.pth by default.
            any_size: Whether a published model may be deeper and larger than models are: of more
                than 1000 loops, for instance.
            **kwargs: Arguments of this class, such as beam_size and num_loops; they go before the
                model's own files, so ``lm_train_config=None, lm_file=None`` leaves its language
                model out.

        Raises:
            UserError: If there is no such model, it is damaged, it needs other versions, or its
                parts do not fit each other.
        """
        model = find_checked_model(model_tag, model_file, any_size)
        with TemporaryDirectory() as folder:
            arguments = model.write_configs(Path(folder)) | kwargs
            try:
                with tensors_only(published=bool(model.meta)):
                    return cls(**arguments)
            except UserError as error:
                # Not the temporary names of the configurations.
                message = str(error)
                for key, path in model.files.items():
                    message = message.replace(f"{folder}/{key}.yaml", str(path))
                raise UserError(message) from error
            except (NotImplementedError, TypeError, TypeCheckError):
                raise  # about the arguments
            except Exception as error:  # ESPnet's have no common class
                raise UserError(
                    f"{model.name} cannot be loaded: {' '.join(reason(error).split())}"
                ) from error


def _check_parts(
    asr_train_config: Path | str | None, asr_model_file: Path | str | None, options: dict[str, Any]
) -> None:
    """Refuse files of a recogniser that are damaged or do not fit each other."""
    path = asr_train_config
    if path is None and asr_model_file is not None:
        path = Path(asr_model_file).parent / "config.yaml"
    config: dict[str, Any] = {}
    if path is not None and options.get("enh_s2t_task"):
        config = read_yaml(path)  # of another task, with other keys
    elif path is not None:
        config = read_model_config(path)
        if options.get("bpemodel") is not None:
            config |= {"bpemodel": options["bpemodel"]}
        if asr_model_file is not None:
            check_config_files(config, path)
            check_weights(ASRTask, config, path, asr_model_file)
    lm_path, lm_file = options.get("lm_train_config"), options.get("lm_file")
    if lm_path is None:
        if lm_file is not None:  # ESPnet would leave it out
            raise UserError(f"lm_file {lm_file}: name the lm_train_config of its training, too")
        return
    lm_config = read_model_config(lm_path, lm=True)
    if lm_file is not None:
        check_weights(LMTask, lm_config, lm_path, lm_file)
    if path is not None:
        check_same_tokens(config, path, lm_config, lm_path)

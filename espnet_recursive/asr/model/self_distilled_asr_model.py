"""Self-distillation between loops: a drawn smaller number of loops learns from all of them."""

from typing import Any

import torch

from espnet_recursive.asr.encoder.shallow_output import ShallowOutput
from espnet_recursive.asr.model.consistency_regularised_asr_model import (
    ConsistencyRegularisedASRModel,
)
from espnet_recursive.errors import UserError


def distillation_loss(
    student: torch.Tensor, teacher: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Divergence of shallow CTC posteriors from those of the full depth, held constant.

    Args:
        student: Log probabilities after fewer loops, (batch, frames, tokens).
        teacher: Those after all loops, of the same shape.
        lengths: Frames of each utterance, (batch,); frames beyond have no effect.

    Returns:
        ``KL(sg(teacher) || student)``, summed over the frames and averaged over the utterances, as
        ESPnet's CTC loss is.
    """
    divergence = torch.nn.functional.kl_div(
        student, teacher.detach(), reduction="none", log_target=True
    ).sum(-1)
    frames = torch.arange(divergence.size(1), device=divergence.device)
    padding = frames >= lengths.to(divergence.device).unsqueeze(1)
    return divergence.masked_fill(padding, 0.0).sum() / len(lengths)


class SelfDistilledASRModel(ConsistencyRegularisedASRModel):
    """ESPnet's recogniser whose encoder learns, at fewer loops, from itself at all of them.

    A training pass takes the state after a number of loops drawn below its own, and runs the coda,
    the final norm and the CTC head on it, too. Validation and decoding are ESPnet's own.

    Args:
        *args: Of ``ESPnetASRModel``.
        distillation_weight: Weight of :func:`distillation_loss`; 0 for none. The default is a
            guess.
        consistency_weight: As of CR-CTC, whose two views then are both distilled; 0, the default,
            for none. With both 0 it is ESPnet's model, bit for bit.
        **kwargs: Of ``ESPnetASRModel``.

    Raises:
        UserError: If there are no CTC posteriors, or the encoder has no smaller number of loops.
    """

    def __init__(
        self,
        *args: Any,
        distillation_weight: float = 0.2,
        consistency_weight: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, consistency_weight=consistency_weight, **kwargs)
        if distillation_weight < 0:
            raise UserError(
                f"model_conf: distillation_weight is {distillation_weight}: it must be 0 or more."
            )
        self.distillation_weight = distillation_weight
        self._distilled: list[tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]] = []
        if distillation_weight > 0:
            self._check()

    def _check(self) -> None:
        if self.ctc is None:
            raise UserError(
                "model_conf: distillation_weight needs CTC posteriors: set ctc_weight above 0."
            )
        encoder: Any = self.encoder
        if not hasattr(encoder, "shallow_output"):
            raise UserError(
                f"model_conf: distillation_weight compares numbers of loops, and the encoder, "
                f"{type(encoder).__name__}, has none: choose a recursive one, such as "
                "latent_recursive_transformer."
            )
        if encoder.recursion.most_loops < 2:
            raise UserError(
                "model_conf: distillation_weight needs an encoder with num_loops of 2 or more: one "
                "loop has nothing to learn from."
            )
        for key in ("ctc_trim", "gradient_checkpoint_layers"):
            if getattr(encoder, key, None):
                raise UserError(f"model_conf: distillation_weight does not go with {key}.")
        if self.postencoder is not None:
            raise UserError("model_conf: distillation_weight does not go with a postencoder.")

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """ESPnet's losses and that of the smaller number of loops; see the base class."""
        self._distilled.clear()
        loss, stats, weight = super().forward(speech, speech_lengths, text, text_lengths, **kwargs)
        if not self._distils:
            return loss, stats, weight
        out, shallow, lengths = self._distilled.pop()
        # Where the schedule of loops begins with one: the names of the statistics stay the same.
        distillation = loss.new_zeros(())
        if shallow is not None:
            log_softmax = self.ctc.log_softmax
            with torch.no_grad():
                teacher = log_softmax(out)
            distillation = distillation_loss(log_softmax(shallow), teacher, lengths)
        loss = loss + self.distillation_weight * distillation
        stats["loss_distillation"] = distillation.detach().reshape(1)
        stats["loss"] = loss.detach()
        return loss, stats, weight

    def encode(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> tuple:
        """ESPnet's encoding; in training what fewer loops give is kept for the loss."""
        if not self._distils:
            return super().encode(speech, speech_lengths)
        # ESPnet seeds each epoch, so a training that goes on draws what it would have drawn.
        self.encoder.shallow_output = ShallowOutput(float(torch.rand(())))
        try:
            out, lengths = super().encode(speech, speech_lengths)
            shallow = self.encoder.shallow_output.states
        finally:
            self.encoder.shallow_output = None
        self._distilled.append((out[0] if isinstance(out, tuple) else out, shallow, lengths))
        return out, lengths

    @property
    def _distils(self) -> bool:
        return self.training and self.distillation_weight > 0

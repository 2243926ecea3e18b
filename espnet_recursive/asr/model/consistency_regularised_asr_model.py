"""CR-CTC: two SpecAugment views of each utterance must have the same CTC posteriors."""

from typing import Any

import torch
from espnet2.asr.espnet_model import ESPnetASRModel

from espnet_recursive.errors import UserError


def consistency_loss(
    log_posteriors: torch.Tensor, other: torch.Tensor, lengths: torch.Tensor
) -> torch.Tensor:
    """Symmetric divergence of two views, each learning from the other held constant.

    Args:
        log_posteriors: Log probabilities of one view, (batch, frames, tokens).
        other: Those of the other view, of the same shape.
        lengths: Frames of each utterance, (batch,); frames beyond have no effect.

    Returns:
        ``(KL(sg(other) || view) + KL(sg(view) || other)) / 2``, summed over the frames and
        averaged over the utterances, as ESPnet's CTC loss is (Yao et al. 2024, arXiv 2410.05101).
    """
    divergence = torch.nn.functional.kl_div(
        log_posteriors, other.detach(), reduction="none", log_target=True
    ) + torch.nn.functional.kl_div(
        other, log_posteriors.detach(), reduction="none", log_target=True
    )
    frames = torch.arange(divergence.size(1), device=divergence.device)
    padding = frames >= lengths.to(divergence.device).unsqueeze(1)
    return divergence.sum(-1).masked_fill(padding, 0.0).sum() / 2 / len(lengths)


class ConsistencyRegularisedASRModel(ESPnetASRModel):
    """ESPnet's recogniser trained with CR-CTC; validation and decoding are ESPnet's own.

    Args:
        *args: Of ``ESPnetASRModel``.
        consistency_weight: Weight of :func:`consistency_loss`; 0 is ESPnet's model, bit for bit.
        **kwargs: Of ``ESPnetASRModel``.

    Raises:
        UserError: If there are no CTC posteriors or no SpecAugment.
    """

    def __init__(self, *args: Any, consistency_weight: float = 0.2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if consistency_weight < 0:
            raise UserError(
                f"model_conf: consistency_weight is {consistency_weight}: it must be 0 or more."
            )
        self.consistency_weight = consistency_weight
        self._views = False
        self._warp: torch.nn.Module | None = None
        self._encoded: list[tuple[torch.Tensor, torch.Tensor]] = []
        if consistency_weight == 0:
            return
        if self.ctc is None:
            raise UserError(
                "model_conf: consistency_weight needs CTC posteriors: set ctc_weight above 0."
            )
        if self.specaug is None:
            raise UserError(
                "model_conf: consistency_weight compares two SpecAugment views of an utterance: "
                "set specaug: specaug."
            )

    def forward(
        self,
        speech: torch.Tensor,
        speech_lengths: torch.Tensor,
        text: torch.Tensor,
        text_lengths: torch.Tensor,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
        """ESPnet's losses of both views and the consistency of the two; see the base class."""
        if not self.training or self.consistency_weight == 0:
            return super().forward(speech, speech_lengths, text, text_lengths, **kwargs)
        twice = {
            name: torch.cat([value, value]) if isinstance(value, torch.Tensor) else value
            for name, value in kwargs.items()
        }
        self._views = True
        try:
            loss, stats, weight = super().forward(
                *(torch.cat([x, x]) for x in (speech, speech_lengths, text, text_lengths)), **twice
            )
            posteriors, lengths = self._encoded.pop()
            view, other = posteriors.chunk(2)
            consistency = consistency_loss(view, other, lengths.chunk(2)[0])
        finally:
            self._views = False
            self._encoded.clear()
        loss = loss + self.consistency_weight * consistency
        stats["loss_consistency"] = consistency.detach().reshape(1)
        stats["loss"] = loss.detach()
        return loss, stats, weight / 2

    def encode(self, speech: torch.Tensor, speech_lengths: torch.Tensor) -> tuple:
        """ESPnet's encoding; in training the CTC posteriors of both views are kept for the loss."""
        if not self._views:
            return super().encode(speech, speech_lengths)
        warp, self.specaug.time_warp = getattr(self.specaug, "time_warp", None), None
        try:
            self._warp = warp
            out, lengths = super().encode(speech, speech_lengths)
        finally:
            self.specaug.time_warp = warp
            self._warp = None
        posteriors = self.ctc.log_softmax(out[0] if isinstance(out, tuple) else out)
        self._encoded.append((posteriors, lengths))
        return out, lengths

    def _extract_feats(
        self, speech: torch.Tensor, speech_lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self._views:
            return super()._extract_feats(speech, speech_lengths)
        feats, lengths = super()._extract_feats(speech.chunk(2)[0], speech_lengths.chunk(2)[0])
        if self._warp is not None:
            feats, lengths = self._warp(feats, lengths)
        return torch.cat([feats, feats]), torch.cat([lengths, lengths])

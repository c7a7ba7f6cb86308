"""Networks: an image goes in, logits of the same size come out."""

from subband.models.attention_unet import AttentionUNet
from subband.models.unet import UNet, authors_state_dict, load_authors

__all__ = ["AttentionUNet", "UNet", "authors_state_dict", "load_authors"]

"""Templates of an activation map that has one peak, and how well a channel's maps tell them apart."""

import math

import torch
from torch import Tensor


def peak_templates(height: int, width: int, *, tau: float, beta: float, like: Tensor) -> Tensor:
    r"""One template for each cell, and the negative one, as the columns of a matrix (H W, H W + 1).

    .. math:: T_\mu(p) = \tau \max(1 - \beta \, d(p, \mu), -1), \qquad T_-(p) = -\tau, \qquad
              d(p, \mu) = |p_y - \mu_y| / H + |p_x - \mu_x| / W

    Example:
        >>> peak_templates(1, 2, tau=1.0, beta=4.0, like=torch.zeros(()))
        tensor([[ 1., -1., -1.],
                [-1.,  1., -1.]])
    """
    y = torch.arange(height, device=like.device, dtype=like.dtype).repeat_interleave(width)
    x = torch.arange(width, device=like.device, dtype=like.dtype).repeat(height)
    distance = (y[:, None] - y).abs() / height + (x[:, None] - x).abs() / width
    peaks = (1 - beta * distance).clamp_min(-1)
    return tau * torch.cat([peaks, peaks.new_full((len(peaks), 1), -1)], 1)


def template_information(maps: Tensor, *, tau: float, beta: float) -> Tensor:
    r"""Mutual information of the maps of each channel and the templates, in nats, (C,).

    .. math:: p(x | T) = \frac{e^{\langle x, T + \tau \rangle}}{\sum_{x'} e^{\langle x', T + \tau \rangle}}, \qquad
              I = \sum_T p(T) \sum_x p(x | T) \log \frac{p(x | T)}{p(x)}, \qquad p(x) = \sum_T p(T) \, p(x | T)

    where x' runs over the batch, :math:`p(T_\mu) = \alpha / n`, :math:`p(T_-) = 1 - \alpha`,
    :math:`\alpha = n / (1 + n)`, with n cells; so all n + 1 templates are equally likely.
    Adding tau lets a silent map score as the negative template does, and changes nothing for maps of sum 1.

    Args:
        maps: (B, C, H, W), 0 or greater, float32 or float64.
        tau: Strength of the templates.
        beta: How fast they fall.
    """
    templates = peak_templates(*maps.shape[2:], tau=tau, beta=beta, like=maps)
    given = (maps.flatten(2) @ (templates + tau)).log_softmax(0)  # log p(x | T), (B, C, T)
    count = templates.shape[1]
    mixed = given.logsumexp(2, keepdim=True) - math.log(count)
    return (given.exp() * (given - mixed)).sum((0, 2)) / count

"""A bottleneck adapter on six sentences, small enough to count by hand.

    python examples/bottleneck_lab.py
    python examples/bottleneck_lab.py --bottleneck 8

A frozen encoder (32 word vectors of width 16, mean-pooled), a trained bottleneck and a trained
classifier. The words are those of the sentences: no entry for padding and none for unknown words.
The harness has the same adapter for real models: `harness/methods/bottleneck/layer.py`.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor, nn

SENTENCES = [
    ("a warm film with a fine young cast", 1),
    ("the plot is clever and all the jokes land", 1),
    ("we loved every single scene of it", 1),
    ("a cold film with a tired and bored cast", 0),
    ("the plot is thin and the jokes fall flat", 0),
    ("we left long before the end of it", 0),
]
CLASSES = ("rotten", "fresh")
WIDTH = 16


class Bottleneck(nn.Module):
    """h + up(tanh(down(h))), inside a residual. Houlsby et al. 2019, arXiv 1902.00751."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, dim)
        self.up = nn.Linear(dim, width)
        # With up at zero the adapted encoder starts as the encoder.
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, h: Tensor) -> Tensor:
        """Sentence vectors [batch, width] → [batch, width]."""
        return h + self.up(torch.tanh(self.down(h)))


def main() -> None:
    dim = bottleneck_dim()
    torch.manual_seed(0)

    words = sorted({word for text, _ in SENTENCES for word in text.split()})
    number = {word: index for index, word in enumerate(words)}
    tokens = [[number[word] for word in text.split()] for text, _ in SENTENCES]
    starts = torch.tensor([sum(map(len, tokens[:place])) for place in range(len(tokens))])
    flat = torch.tensor([token for sentence in tokens for token in sentence])
    labels = torch.tensor([label for _, label in SENTENCES])

    encoder = nn.EmbeddingBag(len(words), WIDTH, mode="mean").requires_grad_(False)
    head = nn.Sequential(Bottleneck(WIDTH, dim), nn.Linear(WIDTH, len(CLASSES)))
    features = encoder(flat, starts)  # [6, 16]: frozen, so once is enough

    optimizer = torch.optim.AdamW(head.parameters(), lr=0.05)
    for _ in range(100):
        loss = nn.functional.cross_entropy(head(features), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    parameters = [*encoder.parameters(), *head.parameters()]
    total = sum(p.numel() for p in parameters)
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    weights, biases, classifier = 2 * WIDTH * dim, dim + WIDTH, (WIDTH + 1) * len(CLASSES)
    print(f"total      {total} = {len(words)}·{WIDTH} frozen + {trainable}")
    print(f"trainable  {trainable}")
    print(
        f"by hand    {weights + biases + classifier} = 2·{WIDTH}·{dim} weights"
        f" + ({dim} + {WIDTH}) biases + {classifier} of the classifier"
    )
    found = head(features).argmax(dim=1)
    for (text, label), guess in zip(SENTENCES, found.tolist(), strict=True):
        print(f"{'right' if guess == label else 'wrong'}  {CLASSES[guess]:6}  {text}")
    print(f"right      {int((found == labels).sum())} of {len(SENTENCES)}")


def bottleneck_dim() -> int:
    """The width between down and up, from the command line."""

    def at_least_one(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise argparse.ArgumentTypeError(f"{text}: must be a whole number of at least 1")
        return int(text)

    # A usage line would make two lines of every error.
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], usage=argparse.SUPPRESS)
    parser.add_argument("--bottleneck", type=at_least_one, default=4, help="4 by default")
    dim: int = parser.parse_args().bottleneck
    return dim


if __name__ == "__main__":
    main()

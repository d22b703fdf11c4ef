#!/usr/bin/env python3
"""Learns the guard's second look (crates/guard/src/second_look/network.bin).

    cargo run --release -p guard --example second_look_input -- \\
        corpus/outbound-train-*.jsonl templates.jsonl > in.jsonl
    corpus/learn/outbound.py VECTORS.npz in.jsonl reworded-in.jsonl TAUGHT.npy \\
        crates/guard/src/second_look/network.bin
    corpus/learn/outbound.py VECTORS.npz in.jsonl reworded-in.jsonl TAUGHT.npy \\
        --unseen outbound-train-f      # how it does unseen

    corpus/learn/outbound.py words in.jsonl > words.txt     # the words that vectors.py is asked for

`in.jsonl` has one labelled text a line with `file`, `windows` (what the second look sees) and what the
rules found; `reworded-in.jsonl` is the same of the texts of reword.py, which nobody labelled. VECTORS.npz
is made by vectors.py, TAUGHT.npy by teacher.py: what a large network thinks of all these texts. Needs jax
0.10.2, optax 0.2.8, numpy 2.4.6 (PyPI). The test files are never read.

Parts `ar` and `az` are never learned from; nor is outbound-unseen.jsonl, which no command above names.

The files a to e were at hand when the rules were made, so the rules are right in them more often than
in anybody else's texts: from those the words learn without the rules.

Some harmless texts are also learned from in fragments, for no part of them reveals anything, and some
said several times over. Some texts are learned from once more with harmless ones around them, as
sentences of their own or in one breath: no amount of harmless talk makes a text reveal less. The
product's own templates (templates.py) count three times.

While learning, some words are read as one of those used alike (a lump as a bump, a printer as a
copier), in either language: other authors will choose other words.
"""

import json
import re
import sys
from pathlib import Path

import numpy as np
import optax

from network import (
    LONGEST, Vocabulary, encode, neighbours, own_vectors, predict, predict_mean, train_several, write,
)
from network import shape as number_shape
from vectors import GLOSSES, given

CATEGORIES = (
    "diagnosis medication lab_result procedure specialty mental_health sud reproductive hiv billing "
    "identifier_ssn identifier_mrn identifier_dob identifier_address identifier_other"
).split()
LEVELS = 5
MADE_RULES = {f"outbound-train-{part}" for part in "abcde"}
KEPT = {"outbound-train-ar", "outbound-train-az"}  # never learned from: the thresholds are chosen by them
LEVEL_FACTS = 60  # facts from this bit on tell the rules' level
CAPITAL = 60  # the mark of a word that begins with one
AFTER_A_SENTENCE = 63  # the mark of a sentence's first word
LISTS = Path(__file__).parents[2] / "lexicon"
LONG_LISTS = {
    "registered_drugs", "surnames", "given_names", "places", "area-codes", "common_english",
    "common_spanish",
}
# The first reads every text and must be fast; the others read what leaves it in doubt.
NETWORKS = (
    {"width": 48, "filters": 96, "seed": 1},
    {
        "width": 64, "filters": 192, "taps": 5, "units": 128, "seed": 2, "batch": 128, "rate": 3e-3,
    },
)
FRAGMENTS, REPEATED = 0.1, 0.05  # how many more texts, as a share of the harmless ones
AMONG_OTHERS = 0.06  # the same, as a share of all
IN_ONE_BREATH = 0.5  # of these, how many are one long sentence: "… and … and …"
OWN_WEIGHT = 3.0
LAST = 5  # the mean over the last epochs errs less often than the last step
RARE = 1.0  # a word met once is half the time read as if nobody had used it in a labelled text
TRUST = 0.4  # how much the teacher's word counts beside a label
EPOCHS = 16
SWAP = 0.1  # how many words of a text are read as one of their neighbours
FREQUENT = 30_000  # words of everyday English that get a vector though no text holds them


def read(path):
    texts = [json.loads(line) for line in open(path, encoding="utf-8")]
    return [text for text in texts if len(text["windows"]) == 1]


def words_of(texts):
    """Every word of the texts and of the guard's own lists, but for the long lists of names."""
    words = {w for text in texts for w, _ in text["windows"][0]["words"] if not w[:1].isdigit()}
    for path in sorted(LISTS.glob("*.txt")):
        if path.stem not in LONG_LISTS:
            body = path.read_text(encoding="utf-8").split("\n\n", 1)[-1].lower()
            words.update(re.findall(r"[a-z][a-z0-9]*", body))
    return sorted(words)


def held_back(unseen=""):
    """The files that are not learned from."""
    return KEPT | set(unseen.split(",")) - {""}


def answers(texts):
    """What each text reveals: as it is labelled, as the teacher says, or something of both."""
    y = np.zeros((len(texts), len(CATEGORIES) + LEVELS), np.float32)
    for row, text in enumerate(texts):
        for category in text["categories"]:
            y[row, CATEGORIES.index(category)] = 1
        y[row, len(CATEGORIES) + text["level"]] = 1
        if "taught" in text:
            y[row] += (text["taught"] - y[row]) * text["trust"]
    return y


def loss(scores, y):
    split = len(CATEGORIES)
    of_categories = optax.sigmoid_binary_cross_entropy(scores[:, :split], y[:, :split]).sum(1)
    return 0.5 * of_categories + optax.softmax_cross_entropy(scores[:, split:], y[:, split:])


def fragments(texts, dice):
    """Parts of harmless texts, and short ones said again and again."""
    more = []
    for text in texts:
        window = text["windows"][0]
        words = window["words"]
        if text["level"] == 0 and len(words) <= 12 and dice.random() < REPEATED * 4:
            times = int(dice.integers(2, LONGEST // len(words) + 1))
            more.append({**text, "windows": [{"words": words * times, "facts": window["facts"]}]})
        if text["level"] > 0 or len(words) <= 4 or dice.random() >= FRAGMENTS:
            continue
        size = int(dice.integers(2, min(12, len(words))))
        at = int(dice.integers(0, len(words) - size + 1))
        # A false alarm of the rules may stand in the part: its marks would contradict the facts.
        part = [
            [word, f"{int(marks, 16) >> LEVEL_FACTS << LEVEL_FACTS:x}"]
            for word, marks in words[at : at + size]
        ]
        calm = {"facts": f"{1 << LEVEL_FACTS:x}"}
        more.append({**text, "windows": [{"words": part, **calm}]})
        if len(part) <= 6 and dice.random() < 0.5:
            many = part * int(dice.integers(3, LONGEST // len(part) + 1))
            more.append({**text, "windows": [{"words": many, **calm}]})
    return more


def joined(windows, link=None):
    """Several texts as one, as the second look would see it; with a `link` between them, as one
    sentence."""
    words, facts, level = [], 0, 0
    for number, window in enumerate(windows):
        if link and number > 0:
            words.append(link)
        for place, (word, marks) in enumerate(window["words"]):
            first = number > 0 and place == 0
            bits = int(marks, 16)
            if first and link:
                bits &= ~(1 << CAPITAL)
            elif first:
                bits |= 1 << AFTER_A_SENTENCE
            words.append([word, f"{bits:x}"])
        bits = int(window["facts"], 16)
        facts |= bits & (1 << LEVEL_FACTS) - 1
        level = max(level, bits >> LEVEL_FACTS)
    return {"words": words, "facts": f"{facts | level << LEVEL_FACTS:x}"}


def among_others(texts, dice):
    """Texts with up to three harmless ones around them."""
    calm = [
        text["windows"][0]
        for text in texts
        if text["level"] == 0
        and 4 <= len(text["windows"][0]["words"]) <= 16
        and text["file"] not in MADE_RULES
    ]
    link = next(
        seen for text in texts for seen in text["windows"][0]["words"][1:] if seen[0] == "and"
    )
    more = []
    for text in texts:
        if dice.random() >= AMONG_OTHERS or text["file"] == "templates":
            continue
        windows = [text["windows"][0]]
        for number in dice.integers(len(calm), size=int(dice.integers(1, 4))):
            if sum(len(window["words"]) + 1 for window in (*windows, calm[number])) <= LONGEST:
                windows.insert(int(dice.integers(len(windows) + 1)), calm[number])
        if len(windows) > 1:
            one_breath = link if dice.random() < IN_ONE_BREATH else None
            more.append({**text, "windows": [joined(windows, one_breath)]})
    return more


def learned_from(texts, unseen=""):
    """The texts to learn from, with fragments of harmless ones and some among others."""
    held = held_back(unseen)
    learned = [text for text in texts if text["file"] not in held]
    dice = np.random.default_rng(1)
    return learned + fragments(learned, dice) + among_others(learned, dice)


def weights(texts):
    """How much each text counts."""
    return np.array(
        [OWN_WEIGHT if text["file"] == "templates" else 1.0 for text in texts], np.float32
    )


def main(vectors, listed, reworded, taught, target, unseen=""):
    texts, more = read(listed), read(reworded)
    for text, answer in zip(texts + more, np.load(taught), strict=True):
        text["taught"], text["trust"] = answer, TRUST
    for text in more:
        text["level"], text["categories"], text["trust"] = 0, [], 1.0
    labelled = learned_from(texts, unseen)
    judged = [text for text in texts if text["file"] in held_back(unseen)]
    learned = labelled + more
    words, rows = given(vectors)
    glossed = {line.split("\t")[0] for line in GLOSSES.open(encoding="utf-8")}
    met = {word for text in texts for word, _ in text["windows"][0]["words"]}
    known = set(words)
    numbers = sorted({number_shape(word) for word in met if word[:1].isdigit()})
    new = sorted(word for word in met if word not in known and len(word) < 25) + numbers
    rows = np.concatenate([rows, np.zeros((len(new), rows.shape[1]), np.float32)])
    vocabulary = Vocabulary(words + new)
    every = learned + judged
    x, parts = encode([text["windows"][0] for text in every], vocabulary)
    x["norule"] = np.array([text["file"] in MADE_RULES for text in every], np.float32)
    learn = np.arange(len(every)) < len(learned)
    own = own_vectors(x, np.arange(len(every)) < len(labelled))
    some = lambda rows: {name: values[rows] for name, values in x.items()}
    networks = train_several(
        NETWORKS, some(learn), answers(learned), weights(learned), rows, parts, loss,
        forgotten_facts=66, rare=RARE, epochs=EPOCHS, mean_of=LAST, swap=SWAP,
        near=neighbours(vocabulary, rows, np.unique(x["words"][: len(labelled)]), FREQUENT),
    )
    if judged:
        unseen = (some(~learn), rows, parts)
        for who, scores in (
            ("the first network", predict(networks[0], *unseen)),
            ("all", predict_mean(networks, *unseen)),
        ):
            level = scores[:, len(CATEGORIES) :].argmax(1)
            right = np.mean([text["level"] == level[row] for row, text in enumerate(judged)])
            print(f"{len(judged)} unseen texts, level right by {who} in {right:.1%}")
    if target:
        keep = set(words[:FREQUENT]) | set(words_of(texts)) | glossed | met | set(numbers)
        print(write(target, networks, rows, vocabulary, own, keep), "words")


if __name__ == "__main__":
    if sys.argv[1] == "words":
        print("\n".join(words_of(read(sys.argv[2]))))
    elif sys.argv[5] == "--unseen":
        main(*sys.argv[1:5], None, sys.argv[6])
    else:
        main(*sys.argv[1:6])

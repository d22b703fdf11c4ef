"""Texts like the labelled ones that nobody labelled, for the small networks to learn from a large one.

    corpus/learn/reword.py VECTORS.npz > reworded.jsonl
    corpus/learn/reword.py VECTORS.npz outbound-train-f,… > reworded.jsonl     # without these parts

Of each text that is learned from two are made (of patients' replies too: inbound.py asks for them). In one some words are others used alike, in either
language. The other is a part of it, or parts of it and of another text, in the same way reworded. What
they reveal is for the teacher to say (teacher.py): many mean nothing or something else. To these come
some of what patients text back, which has words for illness that no office uses. VECTORS.npz is made by
vectors.py.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

from network import Vocabulary, neighbours
from outbound import FREQUENT, held_back
from vectors import given

CORPUS = Path(__file__).parents[1]
WORD = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ']+")
CLAUSE = re.compile(r"(?<=[.!?,;:—–\n])\s+|\s+(?=(?:and|but|so|because|or|y|pero)\s)")
NEAR = {"most": 6, "least": 0.5}
LONGEST = 400  # letters
REPLIES = 0.4  # of what patients text back, so much is read too


def read(kind, unseen=""):
    for path in sorted(CORPUS.glob(f"{kind}-train*.jsonl")):
        if path.stem not in held_back(unseen):
            for line in path.open(encoding="utf-8"):
                yield json.loads(line)["text"]


def folded(word):
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


class Reworder:
    def __init__(self, vectors, texts, dice):
        self.words, rows = given(vectors)
        self.vocabulary, self.dice = Vocabulary(self.words), dice
        met = {self.vocabulary.number(folded(w)) for text in texts for w in WORD.findall(text)}
        self.near = neighbours(self.vocabulary, rows, np.array(sorted(met)), FREQUENT, **NEAR)

    def other(self, found, share):
        """One of the words used like this one."""
        word = found.group(0)
        near = self.near[self.vocabulary.number(folded(word))]
        number = near[self.dice.integers(len(near))]
        if not number or self.dice.random() >= share:
            return word
        other = self.words[number - 1]
        return other.capitalize() if word[0].isupper() else other

    def reworded(self, text, least, most):
        share = self.dice.uniform(least, most)
        return WORD.sub(lambda found: self.other(found, share), text)

    def joined(self, text, another):
        """A clause of a text, or the beginning of a text and the end of another."""
        clauses, others = CLAUSE.split(text), CLAUSE.split(another)
        how = self.dice.random()
        if how < 0.5 and len(clauses) > 1:
            begin = clauses[: int(self.dice.integers(1, len(clauses)))]
            return " ".join(begin + others[int(self.dice.integers(len(others))) :])
        if how < 0.75:
            return clauses[int(self.dice.integers(len(clauses)))]
        words, more = text.split(), another.split()
        begin = words[: int(self.dice.integers(1, len(words) + 1))]
        return " ".join(begin + more[int(self.dice.integers(len(more))) :])


def reworded(vectors, texts, dice):
    """Of each text two."""
    reworder = Reworder(vectors, texts, dice)
    for text in texts:
        yield reworder.reworded(text, 0.1, 0.45)
        joined = reworder.joined(text, texts[int(dice.integers(len(texts)))])
        yield reworder.reworded(joined, 0, 0.3)


def is_read(text):
    return text.strip() and len(text) <= LONGEST


def main(vectors, unseen=""):
    texts = [text for text in read("outbound", unseen) if text.strip()]
    dice = np.random.default_rng(5)
    made = list(reworded(vectors, texts, dice))
    made += [text for text in read("inbound") if dice.random() < REPLIES]
    for number, text in enumerate(made):
        if is_read(text):
            print(json.dumps({"id": f"reworded-{number}", "text": text}, ensure_ascii=False))


if __name__ == "__main__":
    main(*sys.argv[1:])

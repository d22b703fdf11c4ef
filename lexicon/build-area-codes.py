#!/usr/bin/env python3
"""Rebuilds area-codes.txt. Needs: pip install phonenumbers==9.0.43"""

import collections
import pathlib

from phonenumbers.tzdata.data0 import data

HEADER = """\
# North American number prefixes and the time zone they are in; '?' where one prefix spans several.
# source: PyPI phonenumbers 9.0.43, phonenumbers/tzdata/data0.py (from libphonenumber); Apache-2.0
# made by: lexicon/build-area-codes.py
"""

prefixes = {k[1:]: v for k, v in data.items() if k.startswith("1") and len(k) >= 4}


def nearest_shorter(prefix):
    for length in range(len(prefix) - 1, 2, -1):
        if prefix[:length] in prefixes:
            return prefixes[prefix[:length]]
    return None


zones = collections.defaultdict(list)
for prefix, names in prefixes.items():
    if nearest_shorter(prefix) != names:
        zones[names[0] if len(names) == 1 else "?"].append(prefix)

lines = [" ".join([zone, *sorted(zones[zone])]) for zone in sorted(zones)]
pathlib.Path(__file__).with_name("area-codes.txt").write_text(HEADER + "\n".join(lines) + "\n")

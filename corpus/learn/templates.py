#!/usr/bin/env python3
"""The texts that ship with Sotto as labelled lines, so that the second look knows them for what they are.

    corpus/learn/templates.py > templates.jsonl

Each with values in its places and, as the guard sees it when the context excuses them, without.
"""

import json
import re
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "crates/sotto/src/compose/templates"
MENTIONS = {
    "results_ready": "lab_result",
    "rx_ready": "medication",
    "refill_reminder": "medication",
    "account_callback": "billing",
    "statement_ready": "billing",
}
VALUES = {
    "first_name": "Maria", "practice": "Riverbend Family Clinic", "site": "12 Oak Lane",
    "phone": "555-0142", "alt_phone": "555-0143", "link": "https://visit.example.test/a",
    "portal_url": "https://portal.example.test", "date": "June 12", "weekday": "Thursday",
    "time": "2:30 pm", "minutes": "10", "hours": "8 am to 5 pm", "code": "482913",
}


def texts():
    for path in sorted(FOLDER.glob("*.toml")):
        kind = tomllib.loads(path.read_text(encoding="utf-8"))
        category = MENTIONS.get(kind["kind"])
        for text in kind["text"]:
            yield kind["kind"], text["channel"], text["body"], category
            if "subject" in text:
                # A subject is read by all (RULEBOOK EML-03).
                yield kind["kind"], text["channel"], text["subject"], None


def main():
    for number, (kind, channel, words, category) in enumerate(texts(), 1):
        for values in (VALUES, {}):
            said = re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), ""), words)
            line = {
                "id": f"{kind}-{number}", "channel": channel, "text": said, "verdict": "pass",
                "level": 1 if category else 0, "categories": [category] if category else [],
            }
            print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main()

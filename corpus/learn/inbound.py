"""Learns the networks that read patients' replies (crates/sotto/src/inbound/intent_network.bin).

    pip install jax==0.10.2 optax==0.2.8 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3
    vectors.py ...                       # see there: vectors.npz
    cargo build --release -p sotto --example inbound_input
    inbound.py VECTORS.npz PROGRAM       # the networks, learned from all texts
    inbound.py VECTORS.npz PROGRAM --hold NAME,NAME   # those files unseen: how well, and odds.npz

It learns from corpus/inbound-train*.jsonl, corpus/inbound-phrases.txt (`{a|b}` one of these) and
corpus/inbound-chatter.txt, with texts made of them as people write: slips of the thumb, two wishes in
one text (named by the order of RULEBOOK TEL-19), a wish among chatter, chatter alone. PROGRAM is the
example, which shows each text as the rules do. The files of the test part are never read. The same
input gives the same networks on the same machine.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import optax

import network
import vectors

CORPUS = Path(__file__).resolve().parents[1]
OUT = CORPUS.parent / "crates/sotto/src/inbound/intent_network.bin"
# In the order of TEL-19, as intent::ALL.
INTENTS = (
    "emergency wrong_number opt_out opt_in question_clinical reschedule decline_or_cancel confirm "
    "help question_admin thanks other"
).split()
OTHER = INTENTS.index("other")
JOINTS = [". ", " ", ", ", " and ", "\n", " but "]
# What an emoji is read as, and in which company it stands.
SIGNS = {
    "zyes": "yes ok", "zno": "no", "zstop": "stop quit", "zthanks": "thanks", "zask": "question",
    "zsos": "emergency help", "zphone": "phone", "zdeath": "death gun", "zill": "sick",
    "zblood": "blood", "zpill": "pill", "zlaugh": "laugh", "zcry": "crying", "zsmile": "happy",
    "zangry": "angry", "zdate": "date", "zcar": "car",
}
# How much each kind of text counts.
PHRASE, CHATTER, SLIP, PAIR = 1.0, 0.5, 0.5, 0.3
# Phrases of the rules were written after these: what the rules found in them says too much, and is
# forgotten for a half of them.
TAUGHT = {"inbound-train", "inbound-train-b", "inbound-train-c", "phrases"}
COMMON = 25_000  # words kept though no labelled text holds them
EPOCHS, DROP = 10, 0.35
# The mean of all is read: several err less often than one.
NETWORKS = (
    {"width": 48, "filters": 128, "seed": 1},
    {"width": 48, "filters": 128, "seed": 2},
)


def labelled(path):
    lines = (json.loads(line) for line in path.open(encoding="utf-8") if line.strip())
    return [
        {"text": o["text"], "intent": INTENTS.index(o["intent"]), "weight": 1.0, "file": path.stem}
        for o in lines
    ]


def phrases(dice):
    """Texts of corpus/inbound-phrases.txt: every choice of every brace comes at least once."""
    out, intent = {}, 0
    for line in (CORPUS / "inbound-phrases.txt").read_text(encoding="utf-8").splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            intent = INTENTS.index(line.strip("[]"))
            continue
        pieces = [piece.split("}") for piece in line.split("{")]
        braces = [piece[0].split("|") for piece in pieces[1:]]
        most = max(map(len, braces), default=1)
        for turn in range(most):
            text = pieces[0][0]
            for choices, piece in zip(braces, pieces[1:]):
                in_turn = len(choices) == most and turn < most
                text += (choices[turn] if in_turn else dice.choice(choices)) + piece[1]
            out[" ".join(text.split())] = intent
    return [
        {"text": text, "intent": intent, "weight": PHRASE if " " in text else 1.0, "file": "phrases"}
        for text, intent in out.items()
    ]


def slipped(text, dice):
    """A letter lost, doubled or swapped."""
    words = text.split(" ")
    at = dice.randrange(len(words))
    word = words[at]
    if len(word) >= 4:
        i = 1 + dice.randrange(len(word) - 2)
        words[at] = dice.choice(
            [
                word[:i] + word[i + 1 :],
                word[:i] + word[i + 1] + word[i] + word[i + 2 :],
                word[:i] + word[i] + word[i:],
            ]
        )
    return " ".join(words)


def rambling(chatter, dice):
    """Some sentences of chatter in a row."""
    out = dice.choice(chatter)
    for _ in range(dice.randrange(4)):
        out += dice.choice(JOINTS) + dice.choice(chatter)
    return out


def enlarged(texts, dice):
    """The texts, and what is made of them."""
    lines = (CORPUS / "inbound-chatter.txt").read_text(encoding="utf-8").splitlines()
    chatter = [line for line in lines if not line.startswith("#")]
    real = [text for text in texts if text["file"] != "phrases"]
    out = list(texts)
    for text in texts:
        said, weight = text["text"].rstrip("."), text["weight"]
        joint = dice.choice(JOINTS)
        made = text["file"] == "phrases"
        if " " in text["text"].strip() and dice.random() < (0.2 if made else 0.8):
            around = rambling(chatter, dice)
            told = dice.choice(
                [
                    around + joint + said,
                    said + joint + around,
                    dice.choice(chatter) + joint + said + joint + around,
                ]
            )
            out.append({**text, "text": told, "weight": weight * CHATTER})
        if made:
            continue
        if dice.random() < 0.08:
            around = rambling(chatter, dice)
            out.append({**text, "text": around, "intent": OTHER, "weight": CHATTER})
        if dice.random() < 0.5:
            out.append({**text, "text": slipped(text["text"], dice), "weight": SLIP})
        # Two wishes in one text. A reserved word is one only alone.
        other = dice.choice(real)
        lengths = [len(said.split()), len(other["text"].split())]
        intent = min(text["intent"], other["intent"])
        if max(lengths) <= 20 and not (min(lengths) == 1 and intent in (2, 3)):
            both = {**text, "text": said + joint + other["text"], "intent": intent}
            out.append({**both, "weight": PAIR})
    return out


def shown(texts, program):
    lines = "\n".join(json.dumps({"text": text["text"]}) for text in texts)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def start_vectors(path, seen):
    """The vocabulary and what its vectors start from: also for the signs, for words met twice that no
    model knows, and for shapes of numbers."""
    words, rows = vectors.given(path)
    words, rows = vectors.with_glosses(words, rows, SIGNS.items())
    met = Counter(word for text in seen for word, _ in text["words"])
    have = set(words)
    more = [w for w, n in met.items() if n >= 3 and w not in have]
    shapes = {network.shape(w) for w in met if w[:1].isdigit()}
    more = list(dict.fromkeys(more + sorted(shapes)))
    rows = np.concatenate([rows, np.zeros((len(more), rows.shape[1]), np.float32)])
    return network.Vocabulary(words + more), rows, set(words[:COMMON]) | set(more) | set(met)


def report(name, right, odds):
    said = odds.argmax(1)
    line = f"{name:18} {len(right):5} right {100 * (said == right).mean():5.1f} %"
    for intent in ("emergency", "opt_out", "wrong_number"):
        i = INTENTS.index(intent)
        found, false = ((said == i) & (right == i)).sum(), ((said == i) & (right != i)).sum()
        line += f"  {intent} {found}/{(right == i).sum()} +{false}"
    print(line, flush=True)


def main(vector_file, program, *options):
    held = set(options[1].split(",")) if options[:1] == ("--hold",) else set()
    files = [labelled(path) for path in sorted(CORPUS.glob("inbound-train*.jsonl"))]
    dice = random.Random(7)
    real = [text for file in files for text in file]
    own = phrases(dice)
    judged = [text for text in real if text["file"] in held]
    texts = enlarged([t for t in real if t["file"] not in held] + own, dice)
    everything = texts + judged
    seen = shown(everything, program)
    vocabulary, rows, keep = start_vectors(vector_file, seen)
    x, parts = network.encode(seen, vocabulary)
    count = len(texts)
    learned_from = np.arange(len(everything)) < count
    y = np.eye(len(INTENTS), dtype=np.float32)[[t["intent"] for t in everything]]
    weight = np.array([t["weight"] for t in everything], np.float32)
    taught = [t["file"] in TAUGHT and dice.random() < 0.5 for t in everything]
    x["norule"] = np.array(taught, np.float32)
    owned = network.own_vectors(x, learned_from)
    print(f"{len(real)} labelled, {len(own)} of phrases, {count} learned from", flush=True)
    learned = network.train_several(
        NETWORKS, {k: v[:count] for k, v in x.items()}, y[:count], weight[:count], rows, parts,
        optax.softmax_cross_entropy, epochs=EPOCHS, drop=DROP,
    )
    if not held:
        print(network.write(OUT, learned, rows, vocabulary, owned, keep), "words kept")
        return
    odds = network.predict_mean(learned, {k: v[count:] for k, v in x.items()}, rows, parts)
    right = y[count:].argmax(1)
    for name in sorted(held):
        of_file = np.array([t["file"] == name for t in judged])
        report(name, right[of_file], odds[of_file])


if __name__ == "__main__":
    main(*sys.argv[1:])

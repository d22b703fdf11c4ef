"""Learns the networks that read patients' replies (crates/sotto/src/inbound/intent_network.bin).

    pip install jax==0.10.2 optax==0.2.8 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.23.3
    vectors.py ...                       # see there: vectors.npz
    cargo build --release -p sotto --example inbound_input
    inbound_teacher.py MINILM VECTORS.npz PROGRAM TAUGHT.npy      # what a large network thinks
    inbound.py VECTORS.npz PROGRAM TAUGHT.npy                     # the networks, learned from all texts
    inbound.py VECTORS.npz PROGRAM TAUGHT.npy --hold NAME,NAME    # those files unseen: how well

It learns from corpus/inbound-train*.jsonl, corpus/inbound-phrases.txt (`{a|b}` one of these) and
corpus/inbound-chatter.txt, with texts made of them as people write: slips of the thumb, two wishes in
one text (named by the order of RULEBOOK TEL-19), a wish among chatter, chatter alone; and from texts
that nobody labelled (reword.py). Of all of them it also hears what a large network says
(inbound_teacher.py, which needs the same `--hold`). PROGRAM is the example, which shows each text as
the rules do. The files of the test part are never read. The same
input gives the same networks on the same machine.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import optax

import network
import vectors
from reword import is_read, reworded

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
TRUST = 0.4  # how much the teacher's word counts beside a label; not where a rule is the label
RARE = 1.0  # a word met once is half the time read as if nobody had used it in a labelled text
LAST = 3  # the mean over the last epochs errs less often than the last step
SWAP = 0.1  # how many words of a text are read as one of their neighbours
FREQUENT = 30_000  # words of everyday English that others are read as
# The mean of all is read: several err less often than one.
SHAPE = {"width": 64, "filters": 192, "taps": 5, "units": 128, "batch": 128, "rate": 3e-3}
NETWORKS = ({**SHAPE, "seed": 1}, {**SHAPE, "seed": 2})


def labelled(path):
    lines = (json.loads(line) for line in path.open(encoding="utf-8") if line.strip())
    return [
        {
            "text": o["text"], "intent": INTENTS.index(o["intent"]), "weight": 1.0,
            "file": path.stem, "trust": TRUST,
        }
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
        {
            "text": text, "intent": intent, "weight": PHRASE if " " in text else 1.0,
            "file": "phrases", "trust": 0.0,
        }
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
            out.append({**both, "weight": PAIR, "trust": 0.0})
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


def all_texts(vector_file, program, held):
    """The labelled texts that are learned from with what is made of them, those held back, and those
    that nobody labelled; each as the rules show it. The same each time."""
    files = [labelled(path) for path in sorted(CORPUS.glob("inbound-train*.jsonl"))]
    dice = random.Random(7)
    real = [text for file in files for text in file]
    own = phrases(dice)
    judged = [text for text in real if text["file"] in held]
    real = [text for text in real if text["file"] not in held]
    texts = enlarged(real + own, dice)
    told = [text["text"] for text in real if text["text"].strip()]
    # Not the joined ones, every second: which of two wishes comes first is TEL-19's to say.
    more = islice(reworded(vector_file, told, np.random.default_rng(5)), 0, None, 2)
    more = [{"text": text, "file": "reworded"} for text in more if is_read(text)]
    everything = texts + judged + more
    for text, seen in zip(everything, shown(everything, program), strict=True):
        text.update(seen)
        text["norule"] = text["file"] in TAUGHT and dice.random() < 0.5
    print(f"{len(real)} labelled, {len(own)} of phrases, {len(texts)} learned from", flush=True)
    return texts, judged, more


def answers(texts):
    """What each text wants, as it is labelled."""
    return np.eye(len(INTENTS), dtype=np.float32)[[text["intent"] for text in texts]]


def weights(texts):
    """How much each text counts."""
    return np.array([text["weight"] for text in texts], np.float32)


def held_back(options):
    """The files after `--hold`."""
    return set(options[1].split(",")) if options[:1] == ("--hold",) else set()


def main(vector_file, program, taught, *options):
    held = held_back(options)
    texts, judged, more = all_texts(vector_file, program, held)
    said = np.load(taught)
    of_texts, of_more = said[: len(texts)], said[len(texts) + len(judged) :]
    labels, trust = answers(texts), np.array([[text["trust"]] for text in texts], np.float32)
    y = np.concatenate([labels + (of_texts - labels) * trust, of_more])
    weight = np.concatenate([weights(texts), np.ones(len(more), np.float32)])
    everything = texts + more + judged
    vocabulary, rows, keep = start_vectors(vector_file, everything)
    x, parts = network.encode(everything, vocabulary)
    x["norule"] = np.array([text["norule"] for text in everything], np.float32)
    owned = network.own_vectors(x, np.arange(len(everything)) < len(texts))
    near = network.neighbours(vocabulary, rows, np.unique(x["words"][: len(texts)]), FREQUENT)
    count = len(y)
    learned = network.train_several(
        NETWORKS, {k: v[:count] for k, v in x.items()}, y, weight, rows, parts,
        optax.softmax_cross_entropy, epochs=EPOCHS, drop=DROP, rare=RARE, mean_of=LAST, swap=SWAP,
        near=near,
    )
    if not held:
        print(network.write(OUT, learned, rows, vocabulary, owned, keep), "words kept")
        return
    odds = network.predict_mean(learned, {k: v[count:] for k, v in x.items()}, rows, parts)
    report_files(judged, odds)


def report_files(judged, odds):
    """How well each file is read of which nothing was learned."""
    right = np.array([text["intent"] for text in judged])
    for name in sorted({text["file"] for text in judged}):
        of_file = np.array([text["file"] == name for text in judged])
        report(name, right[of_file], odds[of_file])


if __name__ == "__main__":
    main(*sys.argv[1:])

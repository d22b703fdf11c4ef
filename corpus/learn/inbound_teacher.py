"""Learns a large network from patients' replies, which then teaches the small ones that read them.

    inbound_teacher.py MINILM VECTORS.npz PROGRAM TAUGHT.npy [--hold NAME,NAME]

As teacher.py does it for what a practice sends, and with what that one needs. VECTORS.npz and PROGRAM
are those of inbound.py, whose texts these are. TAUGHT.npy holds for each of them how likely each intent
is. Half an hour on two cores.
"""

import sys

import numpy as np
from torch.nn import functional

from inbound import all_texts, answers, held_back, report_files, weights
from teacher import encode, taught

TEACHERS = 1


def loss(scores, y):
    return -(y * functional.log_softmax(scores, 1)).sum(1)


def likely(scores):
    return scores.softmax(1)


def encoded(folder, texts):
    return encode(folder, texts, [text["norule"] for text in texts])


def main(folder, vector_file, program, target, *options):
    texts, judged, more = all_texts(vector_file, program, held_back(options))
    given = encoded(folder, texts), answers(texts), weights(texts)
    every = encoded(folder, texts + judged + more)
    said = taught(folder, given, every, loss, likely, TEACHERS)
    report_files(judged, said[len(texts) : len(texts) + len(judged)])
    np.save(target, said)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""Writes vectors.txt: roots and proofs of RFC 6962, by its definitions word for word.

Shares nothing with the C++ of this folder and is slow on purpose: every hash is computed by the
recursion in the RFC's text. Entry number i of the log is the text "entry i". One line per vector:

    root SIZE ROOT
    inclusion INDEX SIZE HASHES SHA256   number of hashes, SHA-256 over all of them
    consistency OLD NEW HASHES SHA256
"""
import functools
import hashlib
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def entry(i):
    return b"entry %d" % i


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@functools.lru_cache(maxsize=None)
def mth(begin, end):
    """MTH(D[begin:end]), RFC 6962 section 2.1."""
    if begin == end:
        return sha256(b"")
    if end - begin == 1:
        return sha256(b"\x00" + entry(begin))
    k = split(end - begin)
    return sha256(b"\x01" + mth(begin, begin + k) + mth(begin + k, end))


def path(m, begin, end):
    """PATH(m, D[begin:end]), section 2.1.1; m counts from begin."""
    if end - begin == 1:
        return []
    k = split(end - begin)
    if m < k:
        return path(m, begin, begin + k) + [mth(begin + k, end)]
    return path(m - k, begin + k, end) + [mth(begin, begin + k)]


def subproof(m, begin, end, known):
    """SUBPROOF(m, D[begin:end], known), section 2.1.2."""
    n = end - begin
    if m == n:
        return [] if known else [mth(begin, end)]
    k = split(n)
    if m <= k:
        return subproof(m, begin, begin + k, known) + [mth(begin + k, end)]
    return subproof(m - k, begin + k, end, False) + [mth(begin, begin + k)]


def line(kind, a, b, proof):
    return f"{kind} {a} {b} {len(proof)} {sha256(b''.join(proof)).hex()}"


def vectors():
    for size in [*range(0, 300), 511, 512, 513, 1000, 65536, 65537]:
        yield f"root {size} {mth(0, size).hex()}"
    for size in range(1, 25):
        for index in range(size):
            yield line("inclusion", index, size, path(index, 0, size))
        for old in range(1, size + 1):
            yield line("consistency", old, size, subproof(old, 0, size, True))
    large = [(0, 256), (255, 256), (255, 257), (256, 257), (511, 513), (512, 513), (700, 1000),
             (999, 1000), (12345, 65536), (65535, 65536), (65536, 65537), (300, 65537)]
    for a, size in large:
        yield line("inclusion", a, size, path(a, 0, size))
        yield line("consistency", a + 1, size, subproof(a + 1, 0, size, True))


if __name__ == "__main__":
    sys.stdout.writelines(text + "\n" for text in vectors())

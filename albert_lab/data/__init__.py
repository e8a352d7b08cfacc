"""Corpora, vocabularies, token stores, and the samples cut from them."""

from albert_lab.data.corpora.identity import corpus_identity

__all__ = ["corpus_identity"]

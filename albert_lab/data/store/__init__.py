"""Vocabularies and token stores: training them, building them, opening them."""

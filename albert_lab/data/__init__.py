"""From text to samples: corpora, vocabularies, token stores, the samples cut from them, and labelled data sets."""

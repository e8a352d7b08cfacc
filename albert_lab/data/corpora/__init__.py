"""Sources of text: one file and one class per kind of corpus, and the readers and sentence splitters they share."""

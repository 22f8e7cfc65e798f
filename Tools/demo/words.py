"""Tokenising many captions quickly."""


class WordTokenizer:
    """Tokenises captions word by word and remembers each word: the tokenizers split at spaces first, and captions use
    few words.

    ``encode`` gives one word's ids without special tokens.
    """

    def __init__(self, encode, length, end, start=()):
        self.encode, self.length, self.start, self.end = encode, length, list(start), [end]
        self.known = {}

    def fill(self, row, caption):
        """Write a caption's ids and the end-of-sequence id into ``row``, which holds padding."""
        ids = list(self.start)
        for word in caption.split():
            if word not in self.known:
                self.known[word] = self.encode(word)
            ids += self.known[word]
        ids = ids[: self.length - 1] + self.end
        row[: len(ids)] = ids

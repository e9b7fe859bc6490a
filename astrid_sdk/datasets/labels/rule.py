"""Which label counts: each author's last word, then the majority; a tie is no label."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from astrid_sdk.datasets.labels.label import Label

Voter = tuple[str, str, str]
"""Content hash, question, author."""


def last_words(labels: Iterable[Label]) -> dict[Voter, Label]:
    """Return of each author and content the last label, also one that takes a label back.

    Parameters
    ----------
    labels : iterable of Label
        Oldest first.
    """
    return {(said.content_hash, said.question, said.author): said for said in labels}


def standing(labels: Iterable[Label]) -> list[Label]:
    """Return the labels that stand: every author's last word that was not taken back."""
    return [said for said in last_words(labels).values() if said.value is not None]


def majority(labels: Iterable[Label]) -> dict[str, str]:
    """Return the label of each content that more authors gave than any other.

    Parameters
    ----------
    labels : iterable of Label
        Of one question, oldest first.
    """
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for said in standing(labels):
        votes[said.content_hash][str(said.value)] += 1
    won = {content_hash: _winner(counted) for content_hash, counted in votes.items()}
    return {content_hash: value for content_hash, value in sorted(won.items()) if value}


def disputed(labels: Iterable[Label]) -> list[Label]:
    """Return the standing labels of the contents whose authors do not agree."""
    found = standing(labels)
    said: defaultdict[tuple[str, str], set[str | None]] = defaultdict(set)
    for label in found:
        said[label.content_hash, label.question].add(label.value)
    return [label for label in found if len(said[label.content_hash, label.question]) > 1]


def _winner(counted: Counter[str]) -> str:
    """Return the value with the most votes, "" where two have as many."""
    first, *others = counted.most_common(2)
    return "" if others and others[0][1] == first[1] else first[0]

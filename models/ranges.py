"""The permitted range of a setting, written next to its type.

An example is `updates: Annotated[int, Range(1, 1_000_000)]`. The range is checked where a config is
built from a file.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Range:
    """The numbers from `least` to `most`, both included.

    Attributes:
        least: The smallest one.
        most: The largest one, or None if there is none.
    """

    least: float
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a number lies in the range; NaN does not.

        Args:
            value: The number.
        """
        return value >= self.least and (self.most is None or value <= self.most)

    def describe(self, kind: type) -> str:
        """Describes the numbers of the range: "an integer from 1 to 100".

        Args:
            kind: int or float, the type of the numbers.

        Returns:
            The words that follow "must be".
        """
        noun = "integer" if kind is int else "number"
        if self.most is None and self.least in (0, 1) and kind is int:
            return f"a {'non-negative' if self.least == 0 else 'positive'} integer"
        article = "an" if kind is int else "a"
        if self.most is None:
            return f"{article} {noun} of at least {self.least:,}"
        return f"{article} {noun} from {self.least:,} to {self.most:,}"

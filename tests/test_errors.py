"""What error messages are made of."""

import pytest

from albert_lab.errors import first_line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("a\nb"), "a"),
        (ValueError("\n a\nb"), "a"),
        (KeyError(), "KeyError"),
        ("OSError: gone\nmore", "OSError: gone"),
    ],
)
def test_the_first_line_says_something_for_every_error(error: Exception | str, expected: str) -> None:
    assert first_line(error) == expected

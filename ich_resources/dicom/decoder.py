"""``python -m ich_resources.dicom.decoder``: the child process of ``decoding``."""

import os
import sys

from ich_resources.dicom.decoding import serve


def main() -> None:
    """Serve on standard input and output; what a codec prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()

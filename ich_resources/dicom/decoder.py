"""The child process of ``decoding``: ``python -m ich_resources.dicom.decoder``."""

from ich_resources.children import serve
from ich_resources.dicom.decoding import decode_to_bytes

if __name__ == "__main__":
    serve(decode_to_bytes)

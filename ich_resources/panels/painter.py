"""``python -m ich_resources.panels.painter``: the child process of ``painting``."""

from ich_resources.children import serve
from ich_resources.panels.painting import paint_to_bytes

if __name__ == "__main__":
    serve(paint_to_bytes, parts=4)

"""``python -m ich_resources.panels.painter``: the child process of ``painting``."""

from ich_resources.children import serve
from ich_resources.panels.painting import paint_or_say

if __name__ == "__main__":
    serve(paint_or_say, parts=4)

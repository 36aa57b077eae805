"""A stand-in for Google's hosts, as gdown knows them."""

from tls import Reply

HOSTS = ["drive.google.com", "drive.usercontent.google.com"]
HTML = {"Content-Type": "text/html; charset=utf-8"}
FORM = (
    '<form id="download-form" action="https://drive.usercontent.google.com/download" method="get">'
    '<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">'
    "</form>"
)


class Drive:
    """Large files, each behind the page that warns that it was not scanned for viruses."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.breaks: list[int] = []
        self.ranges: list[str] = []
        self.asked: set[str] = set()

    def __call__(self, host, path, query, headers) -> Reply:
        (number,) = query["id"]
        self.asked.add(number)
        if number not in self.files:
            return Reply(
                b'<p class="uc-error-subcaption">Too many users have viewed it.</p>', 200, HTML
            )
        if host == HOSTS[0]:
            return Reply(FORM.format(id=number).encode(), headers=HTML)
        content = self.files[number]
        told = {"Content-Type": "application/octet-stream", "ETag": '"one"'}
        told |= {"Content-Disposition": 'attachment; filename="weights.tar.gz"'}
        start = 0
        if asked := headers.get("Range"):
            self.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            told["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.breaks.pop(0) if self.breaks else None
        return Reply(content[start:], 206 if start else 200, told, cut)

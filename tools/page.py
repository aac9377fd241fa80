"""Tables of figures in pages: what a tool measures stands between two marks that name it."""


def put(page, tool, text):
    """Replaces what stands between the marks of `tool`."""
    start, end = f"<!-- {tool}: made by tools/{tool}.py -->", f"<!-- {tool}: end -->"
    before, rest = page.read_text().split(start)
    page.write_text(before + start + "\n" + text + end + rest.split(end)[1])

"""Tables of figures in pages: what a tool measures stands between two marks that name it."""


def put(page, tool, text, part=""):
    """Replaces what stands between the marks of `tool`, or of a part of what it measures."""
    start, end = f"<!-- {tool}{part}: made by tools/{tool}.py -->", f"<!-- {tool}{part}: end -->"
    before, rest = page.read_text().split(start)
    page.write_text(before + start + "\n" + text + end + rest.split(end)[1])

"""Reads the book as a reader would, once `python demos/book.py` has written it:

    python .ci/check_book.py figures/book

Every link leads to a page and a place that exist, every equation to its code and back, and nothing
comes from the network. In a real Chromium, where there is one, no page is wider than the window of
a laptop or a phone, and every formula is drawn."""
import html
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

WIDTHS = {1280: "a laptop", 390: "a phone"}
BROWSERS = "chromium", "chromium-browser", "google-chrome"
MEASURE = """<!doctype html><body><iframe style="height: 800px"></iframe><script>
async function measure() {
  const frame = document.querySelector("iframe"), found = [];
  for (const width of WIDTHS) for (const page of PAGES) {
    frame.style.width = width + "px";
    await new Promise(done => { frame.onload = done; frame.src = page; });
    const inner = frame.contentDocument, all = words => [...inner.querySelectorAll(words)];
    found.push({
      page, width, wide: inner.scrollingElement.scrollWidth,
      who: all("main *").filter(part => part.getBoundingClientRect().right > width
        && !part.closest("pre, table, .formula > div")).map(part => part.textContent).slice(0, 1),
      blank: all("math").filter(part => part.getBoundingClientRect().height < 4).length,
      scrolls: all(".formula > div").filter(part => part.scrollWidth > part.clientWidth + 1).length,
      formulas: all(".formula").length});
  }
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
}
measure();
</script>"""


class Page(HTMLParser):
    """The places (id, section) and the links (address, section) of a page."""

    def __init__(self, path):
        super().__init__()
        self.path, self.places, self.links, self.faults, self.section = path, [], [], [], 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.section += tag == "section"
        for name, value in attributes:
            if name == "id":
                self.places.append((value, self.section))
            elif name in ("href", "src"):
                self.links.append((value, self.section))
                if tag != "a" and ":" in value:
                    self.faults.append(f"<{tag}> comes from {value}")
        if tag == "script":
            self.faults.append("there is a script")

    def all_faults(self, pages):
        """Return what is wrong with the page's links, its places and its equations."""
        faults, where = list(self.faults), dict(self.places)
        faults += [f"{name} is there {n} times"
                   for name, n in Counter(name for name, _ in self.places).items() if n > 1]
        for link, _ in self.links:
            target, _, anchor = link.partition("#")
            file = (self.path.parent / target).resolve() if target else self.path
            if ":" not in target and not file.is_file():
                faults.append(f"{link} leads nowhere")
            elif ":" not in target and anchor and anchor not in dict(pages[file].places):
                faults.append(f"{link} leads to no place on its page")
        for tag in (name for name in where if re.fullmatch(r"[A-Z]\d+", name)):
            code = {link[1:] for link, section in self.links
                    if section == where[tag] and link[:1] == "#" and ":" in link}
            back = {section for link, section in self.links if link == f"#{tag}"}
            if not {where.get(place) for place in code} & back:
                faults.append(f"({tag}) and its code do not lead to each other")
        return [f"{self.path}: {fault}" for fault in faults]


def measured(book, browser, pages):
    """Return what a headless browser measures on each page at each width."""
    script = book / "measure.html"
    names = json.dumps([path.relative_to(book).as_posix() for path in pages])
    script.write_text(MEASURE.replace("WIDTHS", str([*WIDTHS])).replace("PAGES", names))
    try:
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--allow-file-access-from-files", "--virtual-time-budget=1000000", "--dump-dom",
             script.as_uri()], capture_output=True, text=True, timeout=500)
    finally:
        script.unlink()
    found = re.search("FOUND(.*)END", done.stdout)
    if not found:
        sys.exit(f"{browser} measured nothing: {done.stderr[-500:]}")
    return json.loads(html.unescape(found[1]))


def main():
    book = Path(sys.argv[1]).resolve()
    pages = {path: Page(path) for path in sorted(book.rglob("*.html"))}
    faults = [fault for page in pages.values() for fault in page.all_faults(pages)]
    print(f"{len(pages)} pages, {sum(len(page.links) for page in pages.values())} links")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("skipped: there is no Chromium here to measure widths")
    else:                                             # pages of text, and the longest of code
        by_size = sorted(pages, key=lambda path: -path.stat().st_size)
        chosen = [path for path in by_size if path.suffixes == [".html"]]
        found = measured(book, browser, chosen + [path for path in by_size
                                                  if path not in chosen][:3])
        for now in found:
            if now["wide"] > now["width"] or now["blank"]:
                faults.append(f"{now['page']} at {now['width']}: {now['wide']} wide, {now['who']}, "
                              f"{now['blank']} formulas not drawn")
        for width, name in WIDTHS.items():
            here = [now for now in found if now["width"] == width]
            scrolls, all_ = (sum(now[what] for now in here) for what in ("scrolls", "formulas"))
            print(f"{len(here)} pages on {name}, {width} wide: {scrolls} of {all_} displayed "
                  "formulas scroll")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()

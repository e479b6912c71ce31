#!/usr/bin/env python3
"""The pages (README.md and those of the folders): what they link to and name is there, what the code cites of them too, and
the front page stays short. The commands of the pages are run by readme_commands."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("include", "src", "sims", "tests", "plots")
FRONT_PAGE = ROOT / "README.md"
PAGES = [FRONT_PAGE] + sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("README.md"))
SOURCES = (".cpp", ".hpp", ".py", ".toml", ".txt")
MOST_LINES = 180
MOST_WORDS = 1500

BLOCK = re.compile(r"^```.*?^```\n|(?:^ {4,}.*\n)+", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
PATH = re.compile(r"(?<![\w./])(?:include|src|sims|tests|plots|\.ci)/[\w./*-]*")
EQUATION = re.compile(r"([\w./]*README(?:\.md)?),? equations? (\d+)(?:(?:-| and )(\d+))?")
QUOTED = re.compile(r'([\w./]*README(?:\.md)?),? "([^"\n]+)"')


def text_of(page):
    return page.read_text(encoding="utf-8")


def prose(page):
    """Without code blocks, which have no links; list items keep their lines."""
    lines = re.sub(r"^```.*?^```\n", "", text_of(page), flags=re.MULTILINE | re.DOTALL).split("\n")
    return "\n".join(line for line in lines if not re.match(r" {4}", line))


def headings(page):
    return re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)


def anchors(page):
    """As GitHub makes them."""
    names = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)]
    return [name + f"-{names[:k].count(name)}" * (name in names[:k]) for k, name in enumerate(names)]


def links(page):
    return LINK.findall(re.sub(r"\$[^$\n]*\$", "", prose(page)))


def target_of(page, link):
    path, _, anchor = link.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def own_sources():
    """Files of the project, but for what is written in this one."""
    files = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SOURCES)
    return [path for path in files if path != Path(__file__).resolve()]


class PagesTest(unittest.TestCase):
    def test_the_front_page_is_short(self):
        text = text_of(FRONT_PAGE)
        self.assertLess(text.count("\n"), MOST_LINES)
        self.assertLess(len(text.split()), MOST_WORDS)

    def test_the_front_page_leads_to_every_other(self):
        targets = {target_of(FRONT_PAGE, link)[0] for _, link in links(FRONT_PAGE)}
        self.assertEqual(set(PAGES) - targets, {FRONT_PAGE})

    def test_every_link_leads_somewhere(self):
        for page in PAGES:
            for _, link in links(page):
                with self.subTest(page=str(page.relative_to(ROOT)), link=link):
                    self.assertNotRegex(link, r"^(/|\w+:)", "links are relative")
                    path, anchor = target_of(page, link)
                    self.assertTrue(path.is_relative_to(ROOT) and path.exists(), "there is no such file")
                    if anchor:
                        self.assertIn(anchor, anchors(path))

    def test_names_stand_in_the_files_they_link_to(self):
        """[`name`](file): the name, without its class, is a word of the file."""
        for page in PAGES:
            for label, link in links(page):
                name = re.fullmatch(r"`([\w:<>]+)`", label)
                path, _ = target_of(page, link)
                if name and path.is_file():
                    with self.subTest(page=str(page.relative_to(ROOT)), name=label, link=link):
                        word = re.escape(name[1].rsplit("::", 1)[-1])
                        self.assertTrue(re.search(rf"\b{word}\b", text_of(path)), "the file has no such name")

    def test_every_path_that_is_named_exists(self):
        for page in PAGES:
            text = text_of(page)
            code = BLOCK.findall(text) + SPAN.findall(prose(page))
            for name in {match.rstrip(".") for part in code for match in PATH.findall(part)}:
                if not re.search(r"\bNAME\b", name):  # of files to come
                    with self.subTest(page=str(page.relative_to(ROOT)), name=name):
                        self.assertTrue(any(ROOT.glob(name.rstrip("/"))), "there is no such file")

    def test_code_blocks_are_closed(self):
        for page in PAGES:
            self.assertEqual(len(re.findall(r"^```", text_of(page), re.MULTILINE)) % 2, 0, page)

    def test_what_the_code_cites_is_there(self):
        cited = 0
        for file in own_sources():
            text = re.sub(r"\n\s*(?:///?|#) ?", " ", text_of(file))  # a citation may go over a line's end
            for name, *numbers in EQUATION.findall(text):
                with self.subTest(file=str(file.relative_to(ROOT)), page=name, equations=numbers):
                    for number in filter(None, numbers):
                        self.assertTrue(any(each.startswith(f"({number}) ") for each in headings(ROOT / name)))
                    cited += 1
            for name, heading in QUOTED.findall(text):
                with self.subTest(file=str(file.relative_to(ROOT)), page=name, heading=heading):
                    self.assertIn(heading, headings(ROOT / name))
                    cited += 1
        self.assertGreater(cited, 0)


if __name__ == "__main__":
    unittest.main()

"""What mkdocs has to be told about pages and files outside of docs/: a hook, which mkdocs.yml names.

Pages link to files of the checkout as a viewer of the repository follows them (`../deploy/operator-rbac.yaml`), and
CONTRIBUTING.md and its like stand at the top, where people look for them. Both become part of the site here, so that
the site needs no address of a repository and mkdocs can check each link.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).resolve().parents[2]
# Pages that stand at the top of the checkout; a link between them and docs/ changes its beginning.
TOP_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md")
_LINK = re.compile(r"(\]\()([^)\s#]+)")


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add the pages at the top, and each file of the checkout that a page links to."""
    linked = {name for file in files.documentation_pages() for name in _beside_docs(file)}
    for name in TOP_PAGES:
        files.append(File.generated(config, name, content=(CHECKOUT / name).read_text()))
    for name in sorted(linked.difference(TOP_PAGES)):
        if (CHECKOUT / name).is_file():
            files.append(File.generated(config, name, abs_src_path=str(CHECKOUT / name)))
    return files


def on_page_markdown(markdown: str, *, page: "Page", config: "MkDocsConfig", files: Files) -> str:  # noqa: ARG001 -- mkdocs passes them all by name
    """Make a page's links to files of the checkout links within the site."""
    above = _above(page.file)
    at_top = page.file.src_uri in TOP_PAGES

    def within_site(link: re.Match[str]) -> str:
        beginning, target = link.groups()
        if at_top:
            return beginning + target.removeprefix("docs/")
        # What is beside docs/ in the checkout is inside of it in the site.
        return beginning + (target.removeprefix("../") if target.startswith(above) else target)

    return _LINK.sub(within_site, markdown)


def _above(file: File) -> str:
    """How a page of docs/ names the checkout."""
    # Named with its type, because `make lint` runs where mkdocs is not installed.
    folders: int = file.src_uri.count("/")
    return "../" * (folders + 1)


def _beside_docs(file: File) -> Iterator[str]:
    """The paths within the checkout, outside of docs/, that a page links to."""
    above = _above(file)
    for _, target in _LINK.findall(file.content_string):
        if target.startswith(above):
            yield target.removeprefix(above)

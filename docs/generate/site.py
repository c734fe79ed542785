"""What mkdocs has to be told about pages and files outside of docs/: a hook, which mkdocs.yml names.

Pages link to files of the checkout as a viewer of the repository follows them (`../deploy/operator-rbac.yaml`), and
CONTRIBUTING.md and its like stand at the top, where people look for them. Both become part of the site here, so that
the site needs no address of a repository and mkdocs can check each link.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

CHECKOUT = Path(__file__).resolve().parents[2]
# Pages that stand at the top of the checkout; a link between them and docs/ changes its beginning.
TOP_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md")
# Folders of the checkout whose files pages link to.
LINKED_FOLDERS = ("deploy",)
_LINK = re.compile(r"(\]\()([^)\s#]+)")


def on_files(files: Files, config: "MkDocsConfig") -> Files:
    """Add the pages at the top, and the files that pages link to."""
    for name in TOP_PAGES:
        files.append(File.generated(config, name, content=(CHECKOUT / name).read_text()))
    for folder in LINKED_FOLDERS:
        for file in sorted((CHECKOUT / folder).iterdir()):
            name = f"{folder}/{file.name}"
            files.append(File.generated(config, name, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, *, page: "Page", config: "MkDocsConfig", files: Files) -> str:  # noqa: ARG001 -- mkdocs passes them all by name
    """Make a page's links to files of the checkout links within the site."""
    above = "../" * (page.file.src_uri.count("/") + 1)
    at_top = page.file.src_uri in TOP_PAGES

    def within_site(link: re.Match[str]) -> str:
        beginning, target = link.groups()
        if at_top:
            return beginning + target.removeprefix("docs/")
        # What is beside docs/ in the checkout is inside of it in the site.
        return beginning + (target.removeprefix("../") if target.startswith(above) else target)

    return _LINK.sub(within_site, markdown)

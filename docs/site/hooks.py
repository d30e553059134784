"""How MkDocs sees the repository.

Pages lie in the site as they do in the repository, so a link holds in both. The commands, and the
tables of configuration, come from the code. Sounds get players, which GitHub would not show.
"""

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from tables import section

COMMANDS = "docs/reference/commands.md"
LINK = re.compile(r"\]\(([^)#\s]+)")
SOUND = re.compile(r'<li>(<a href="([^"]+\.flac)">(.*?)</a>.*?)</li>', re.DOTALL)
TABLE = re.compile(r"^\{\{ (audiodiff[\w.]+) \}\}$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replaces the files of `docs` by the pages of the repository and all that they link to."""
    root, docs = Path(config.config_file_path).parent, Path(config.docs_dir)
    for file in list(files):
        if file.abs_src_path and Path(file.abs_src_path).is_relative_to(docs):
            files.remove(file)
    pages = [path.relative_to(root).as_posix() for path in sorted(docs.rglob("*.md"))]
    linked = _linked(root, ["README.md", "CONTRIBUTING.md", "SECURITY.md", *pages])
    for path in [*linked, *map(str, config.extra_javascript)]:
        files.append(File(path, str(root), config.site_dir, config.use_directory_urls))
    files.append(File.generated(config, COMMANDS, content=_commands()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts in the tables of configuration."""
    return TABLE.sub(lambda found: section(found[1]), markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Puts a player into each item of a list that begins with a link to a sound."""
    return SOUND.sub(_with_player, html)


def _with_player(item: re.Match[str]) -> str:
    label = re.sub(r"<[^>]+>", "", item[3])
    player = f'<audio controls preload="none" src="{item[2]}" aria-label="{label}"></audio>'
    return f"<li>{item[1]}<br>{player}</li>"


def _linked(root: Path, pages: list[str]) -> list[str]:
    """Pages, and the pages and files that they link to, as paths below the root."""
    waiting, found = list(pages), dict.fromkeys(pages)
    while waiting:
        page = waiting.pop()
        for link in LINK.findall((root / page).read_text(encoding="utf-8")):
            path = os.path.normpath(PurePosixPath(page).parent / link)
            if path not in found and (root / path).is_file():
                found[path] = None
                if path.endswith(".md"):
                    waiting.append(path)
    return list(found)


def _commands() -> str:
    """Every command with its options."""
    words = ["-m", "typer", "audiodiff.cli.app", "utils", "docs", "--name", "audiodiff"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
    return done.stdout.replace("# `audiodiff`", "# Commands", 1)

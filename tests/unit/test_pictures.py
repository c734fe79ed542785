"""The documentation's pictures: how they are made, and that those in docs/images show nothing private."""

import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs.generate.pictures import __main__ as making
from docs.generate.pictures.animation import animation
from docs.generate.pictures.comment import picture
from docs.generate.pictures.frames import LAST, LONGEST, MOST, SHORTEST, WHOLE, Frame, Run, frames
from docs.generate.pictures.recording import Chunk, Recording, record
from lab.home import CHECKOUT

IMAGES = sorted((CHECKOUT / "docs" / "images").glob("*.svg"))
MADE = [*(scene.file for scene in making.SCENES), making.REVIEW]
SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 300_000
# Folders of a machine; `core/v1` and `https://` are none.
ABSOLUTE_PATH = re.compile(r"(?<![\w.~/:-])/[\w.-]+(?:/[\w.-]+)+")
SECRET = re.compile(r"-----BEGIN|eyJ[\w-]{10}|\bhvs\.|\b[sb]\.[A-Za-z0-9]{20}|\bgh[ops]_|sha256~|PRIVATE KEY")
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")

a_picture = pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)


def recorded(*said: tuple[float, bytes], columns: int = 20, lines: int = 3) -> Recording:
    return Recording(columns=columns, lines=lines, chunks=[Chunk(at, data) for at, data in said], code=0)


def texts(frame: Frame) -> list[str]:
    return [" ".join(run.text for run in row) for row in frame.rows]


# The pictures in the checkout.


def test_all_that_the_script_makes_is_there() -> None:
    assert {*MADE, "flow.svg"} == {image.name for image in IMAGES}


@a_picture
def test_a_picture_is_small_and_says_what_it_shows(image: Path) -> None:
    root = ET.fromstring(image.read_text())  # noqa: S314 - our own file
    assert image.stat().st_size < MOST_BYTES
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    named = {one.get("id"): one.text for one in root if one.tag in (f"{SVG}title", f"{SVG}desc")}
    assert all(named[name] for name in root.attrib["aria-labelledby"].split())


@a_picture
def test_a_picture_needs_no_other_file_and_no_other_host(image: Path) -> None:
    text = image.read_text()
    assert not re.findall(r"@import|@font-face|url\((?!#)|<script|<image|<\?xml-stylesheet", text)
    assert set(re.findall(r"https?://[^\s\"'<:/]+", text)) <= {"http://www.w3.org", "https://127.0.0.1"}
    assert all(link.startswith("#") for link in re.findall(r"(?:href|src)=\"([^\"]*)\"", text))


@a_picture
def test_a_picture_shows_no_path_of_a_machine_and_no_secret(image: Path) -> None:
    shown = "\n".join(ET.fromstring(image.read_text()).itertext())  # noqa: S314 - our own file
    assert not ABSOLUTE_PATH.findall(shown)
    assert not SECRET.findall(shown)


def test_a_path_and_a_secret_would_be_found() -> None:
    assert ABSOLUTE_PATH.findall("the lab is ready in /home/me/rhsi/.lab") == ["/home/me/rhsi/.lab"]
    assert not ABSOLUTE_PATH.findall("~/rhsi/.lab kubernetes:core/v1:Secret https://127.0.0.1:8200 -n rhsi/x")
    assert SECRET.search("s.AbCdEfGhIjKlMnOpQrStUvWx")


def test_every_picture_is_shown_with_words_for_who_does_not_see_it() -> None:
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    shown = {
        (page.parent / target).resolve(): alt for page in pages for alt, target in PICTURE.findall(page.read_text())
    }
    assert set(IMAGES) <= shown.keys()
    assert all(len(shown[image]) > 40 for image in IMAGES)


def test_the_recordings_end_with_their_result() -> None:
    for file, result in {"up.svg": "0 not", "rotation.svg": "0 ms"}.items():
        root = ET.fromstring((CHECKOUT / "docs" / "images" / file).read_text())  # noqa: S314 - our own file
        rows = {row.get("id"): "".join(row.itertext()) for row in root.iter(f"{SVG}g") if row.get("id")}
        film = next(group for group in root.iter(f"{SVG}g") if group.get("class") == "film")
        last = [rows[use.attrib["href"][1:]] for use in film[-1].iter(f"{SVG}use")]
        assert result in last[-1]


def test_the_review_shows_what_rotates_restarts_and_goes() -> None:
    shown = "".join(ET.fromstring((CHECKOUT / "docs" / "images" / making.REVIEW).read_text()).itertext())  # noqa: S314 - our own file
    for words in ("The link rotates", "The database restarts", "The database goes with its volume", "Each change"):
        assert words in shown


# What makes them.


def test_the_commands_run_in_a_copy_without_a_lab_and_know_of_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RHSI_LAB_HOME", "MAKEFLAGS", "MAKELEVEL"):
        monkeypatch.setenv(name, "w")
    with making.copy() as folder:
        assert (folder / "Makefile").read_text() == (CHECKOUT / "Makefile").read_text()
        assert not (folder / ".lab").exists()
        assert not (folder / ".git").exists()
        done = record([making.PYTHON, "-c", "import sys; print(sys.prefix)"], folder, columns=200, lines=9)
        assert Path(done.data.decode().strip()).resolve() == Path(sys.prefix).resolve()
        nested = record(["make", "--silent", "--eval=shown:;@echo only this", "shown"], folder, columns=200, lines=9)
        assert nested.data == b"only this\r\n"
    assert not folder.exists()


def test_a_command_is_recorded_on_a_terminal_of_the_given_size(tmp_path: Path) -> None:
    program = "import os, sys; print(os.getcwd(), *os.get_terminal_size(), sys.stdout.isatty()); sys.exit(3)"
    done = record([sys.executable, "-c", program], tmp_path, columns=77, lines=11)
    assert done.data.decode().split() == [str(tmp_path), "77", "11", "True"]
    assert done.code == 3


def test_who_stops_a_recording_stops_the_command(tmp_path: Path) -> None:
    command = ["sh", "-c", "trap 'echo stopped > heard; exit' INT; touch ready; while :; do sleep 0.05; done"]
    program = (
        "from pathlib import Path; from docs.generate.pictures.recording import record; "
        f"record({command!r}, Path({str(tmp_path)!r}), columns=80, lines=24)"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=CHECKOUT, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "ready").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30)
    assert (tmp_path / "heard").read_text() == "stopped\n"


def test_a_recording_ends_before_its_mark_wherever_that_is_cut() -> None:
    whole = recorded((0, b"one\r\nWh"), (1, b"at next: two"), (2, b"three"))
    assert whole.until(b"What next").data == b"one\r\n"
    assert whole.until(b"nowhere").data == whole.data


def test_what_follows_at_once_is_one_frame_and_a_pause_is_short() -> None:
    seen = frames(recorded((0, b"a"), (SHORTEST / 2, b"b"), (60, b"c"), (61, b"")), {})
    assert [texts(frame)[0] for frame in seen] == ["ab", "abc"]
    assert [frame.shown for frame in seen] == [LONGEST, LAST]
    assert seen[1].at == 60


def test_a_slow_machine_makes_no_longer_and_no_bigger_film() -> None:
    film = frames(recorded(*((at, b"a") for at in range(200)), columns=200), {})
    assert sum(frame.shown for frame in film[:-1]) == pytest.approx(WHOLE)
    assert len(film) == MOST
    assert (film[0].at, film[-1].at, film[-1].shown) == (0, 199, LAST)


def test_a_frame_shows_what_the_terminal_shows() -> None:
    said = b"old\r\n\x1b[2J\x1b[H  \x1b[1;32mReady\x1b[0m now\r\n\x1b[38;5;208mx"
    (frame,) = frames(recorded((0, said)), {})
    assert frame.rows[0] == (Run(2, "Ready", "green", bold=True), Run(8, "now", "default", bold=False))
    assert frame.rows[1] == (Run(0, "x", "ff8700", bold=False),)


def test_a_frame_names_no_folder_of_this_machine() -> None:
    (frame,) = frames(recorded((0, b"in /home/me/rhsi/.lab"), columns=40), {"/home/me/rhsi": "~/rhsi"})
    assert texts(frame)[0] == "in ~/rhsi/.lab"


def test_an_animation_draws_each_row_once_and_rests_on_the_last_frame() -> None:
    rows = [(Run(0, text, "red", bold=False),) for text in ("a < b", "second", "third")]
    shown = [Frame(0, 1, (rows[0], ())), Frame(119.7, 1, (rows[0], rows[1])), Frame(130, 2, (rows[1], rows[2]))]
    drawn = animation(shown, columns=20, title="make <up>", about="about")
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    film = next(group for group in root.iter(f"{SVG}g") if group.get("class") == "film")
    height = int(root.attrib["viewBox"].split()[3])
    assert drawn.count("a &lt; b") == drawn.count(">second<") == 1
    assert film.get("transform") == f"translate(0,{-2 * height})"
    assert [group.get("transform") for group in film] == [f"translate(0,{number * height})" for number in range(3)]
    assert ["".join(group.itertext()).strip() for group in film] == ["0:00", "1:59", "2:10"]
    assert "@media (prefers-reduced-motion:no-preference){.film{animation:film 4.0s step-end infinite}}" in drawn
    assert f"50.00%{{transform:translateY(-{2 * height}px)}}" in drawn


COMMENT = """<!-- rhsi-review -->
### `pulumi preview`

| stack | create |
|---|--:|
| `site-a` | 1 |

- **delete** Link `rhsi/x`: The link goes.

<details><summary>Each change (2)</summary>

```diff
- delete Link rhsi/x
! update Site a & <b>
```

</details>
"""


def test_a_comment_is_drawn_as_readers_see_it() -> None:
    drawn = picture(COMMENT, title="A review", about="about")
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    assert "rhsi-review" not in drawn
    assert '<details open="open"><summary>Each change (2)</summary>' in drawn
    assert '<span class="minus">- delete Link rhsi/x</span>\n<span class="change">! update Site a &amp;' in drawn
    assert "<strong>delete</strong> Link <code>rhsi/x</code>: The link goes." in drawn
    assert [one.text for one in root.iter() if one.tag.endswith("}th")] == ["stack", "create"]


def test_a_longer_comment_gets_a_taller_picture() -> None:
    def height(markdown: str) -> int:
        found = re.search(r'viewBox="0 0 \d+ (\d+)"', picture(markdown, title="t", about="a"))
        return int(found[1]) if found else 0

    item = "- **delete** Link `rhsi/x`: The link goes.\n"
    assert height(COMMENT.replace(item, item * 11)) >= height(COMMENT) + 10 * 21
    assert height(COMMENT.replace("goes.", "goes. " * 60)) >= height(COMMENT) + 2 * 21


@pytest.mark.parametrize("private", ["s.token", "a-passphrase", "this-host"])
def test_a_picture_with_something_private_is_not_written(
    private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "IMAGES", tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "this-host")
    (tmp_path / ".lab" / "vault").mkdir(parents=True)
    (tmp_path / ".lab" / "vault" / "root-token").write_text("s.token\n")
    (tmp_path / ".lab" / "passphrase").write_text("a-passphrase")
    with pytest.raises(making.PictureError, match="it has not been written") as raised:
        making.write("x.svg", f"<svg>{private}</svg>", tmp_path)
    assert private not in str(raised.value)
    assert not (tmp_path / "x.svg").exists()
    making.write("x.svg", "<svg>nothing</svg>", tmp_path)
    assert (tmp_path / "x.svg").read_text() == "<svg>nothing</svg>"

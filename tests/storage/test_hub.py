"""A name leads to a folder: here, on the hub, or to one line that says what was tried."""

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.storage.hub import pretrained_folder
from tests.lab import lab_environment

COMMIT = "a" * 40
FILES = {"config.json": b'{"hidden_size": 8}', "spiece.model": b"pieces", "tf_model.h5": b"not asked for"}


def blob(name: str) -> str:
    """The id that the hub's library files the content under."""
    return hashlib.sha1(FILES[name]).hexdigest()


class Hub(http.server.BaseHTTPRequestHandler):
    """Just enough of the hub for one repository, `me/albert`, with one commit."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/api/models/me/albert/revision/main":
            siblings = [{"rfilename": name} for name in FILES]
            self.answer(200, json.dumps({"id": "me/albert", "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith("/api/models/me/albert/revision/"):
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        elif path == f"/api/models/me/albert/tree/{COMMIT}":
            tree = [{"type": "file", "path": n, "size": len(content), "oid": blob(n)} for n, content in FILES.items()]
            self.answer(200, json.dumps(tree).encode())
        elif path.startswith("/me/albert/resolve/"):
            name = path.rsplit("/", 1)[1]
            self.answer(200, FILES[name], {"ETag": f'"{blob(name)}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


ASK = """
import json, sys
from albert_lab.errors import UserError
from albert_lab.storage.hub import pretrained_folder
name, patterns, options = json.loads(sys.argv[1])
try:
    print(pretrained_folder(name, patterns, **options))
except UserError as error:
    sys.exit(str(error))
"""


def ask(hub: str, cache: Path, name: str, patterns: list[str], **options: str | bool) -> tuple[int, str]:
    """Exit code and last line of a process whose hub is ours: the library reads the address when it is imported."""
    question = json.dumps([name, patterns, {"cache_dir": str(cache), **options}])
    environment = lab_environment(cache, HF_ENDPOINT=hub, HF_HUB_OFFLINE="0", HF_HOME=str(cache / "home"))
    command = [sys.executable, "-c", ASK, question]
    result = subprocess.run(command, env=environment, cwd=cache, capture_output=True, text=True)
    said = result.stderr if result.returncode else result.stdout
    return result.returncode, said.strip().splitlines()[-1]


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert pretrained_folder(tmp_path, ["*.json"]) == tmp_path
    assert pretrained_folder(str(tmp_path), ["*.json"]) == tmp_path


def test_a_hub_name_brings_the_wanted_files_alone_and_is_found_again_without_the_hub(hub: str, tmp_path: Path) -> None:
    code, folder = ask(hub, tmp_path, "me/albert", ["*.json", "spiece.model"])
    assert code == 0, folder
    assert {file.name for file in Path(folder).iterdir()} == {"config.json", "spiece.model"}
    assert (Path(folder) / "config.json").read_bytes() == FILES["config.json"]
    again = ask("http://127.0.0.1:1", tmp_path, "me/albert", ["*.json"], local_files_only=True)
    assert again == (0, folder)


def test_what_the_hub_lacks_is_named(hub: str, tmp_path: Path) -> None:
    (tmp_path / "you" / "albert-v2").mkdir(parents=True)
    code, said = ask(hub, tmp_path, "you/albert-v1", ["*.json"])
    assert code == 1
    assert (
        "there is no folder 'you/albert-v1' (nearest: 'you/albert-v2'), and 'you/albert-v1' is not on the hub" in said
    )
    _, said = ask(hub, tmp_path, "me/albert", ["*.json"], revision="v9")
    assert said == "'me/albert' on the hub has no revision 'v9'; leave it out for the newest"
    _, said = ask(hub, tmp_path, "me/albert", ["*.safetensors"])
    assert said == "'me/albert' on the hub has no file that matches *.safetensors"


def test_googles_old_names_without_a_user_are_looked_up_under_theirs(hub: str, tmp_path: Path) -> None:
    _, said = ask(hub, tmp_path, "albert-base-v2", ["*.json"])
    assert "'albert/albert-base-v2' is not on the hub" in said


def test_without_a_network_the_mend_is_a_folder(tmp_path: Path) -> None:
    code, said = ask("http://127.0.0.1:1", tmp_path, "me/albert", ["*.json"])
    assert code == 1
    assert "can't be fetched from the hub (no network:" in said
    assert said.endswith("put its files in a folder and name that")
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE is set|local_files_only is set"):
        pretrained_folder("me/albert", ["*.json"], cache_dir=tmp_path, local_files_only=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{}/modle", "nearest: '{}/model'"),
        ("{}/model/config.json", "is a file; give the folder that holds it: '{}/model'"),
        ("https://huggingface.co/albert/albert-base-v2/tree/main", "did you mean 'albert/albert-base-v2'?"),
        ("", "there is no folder ''; give an existing folder"),
        ("a/b/c", "there is no folder 'a/b/c'; give an existing folder"),
        ("../x--y/z", "there is no folder '../x--y/z'"),
    ],
)
def test_what_is_neither_a_folder_nor_a_hub_name_never_reaches_the_hub(
    tmp_path: Path, monkeypatch, name: str, message: str
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # importing it fails
    with pytest.raises(UserError) as raised:
        pretrained_folder(name.format(tmp_path), ["*.json"])
    assert message.format(tmp_path) in str(raised.value)


def test_a_path_is_never_a_hub_name(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match="there is no folder 'me/albert'"):
        pretrained_folder(Path("me/albert"), ["*.json"])

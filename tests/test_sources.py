"""An edit to any file of the user's that his class rests on gives a new key."""

import importlib
import sys

import pytest

from lightexp.sources import own_files
from lightexp.spec import describe

FILES = {
    "user_net.py": "import json\nimport torch\nfrom user_parts.blocks import Block\nimport user_plain.part\n\nclass Net(Block):\n    pass\n",
    "user_parts/__init__.py": "",
    "user_parts/blocks.py": "from .sizes import WIDTH\n\nclass Block:\n    def forward(self):\n        from user_late import later\n",
    "user_parts/sizes.py": "WIDTH = 3\n",
    "user_plain/part.py": "",
    "user_late.py": "later = 1\n",
    "user_other.py": "",
}


@pytest.fixture
def net(tmp_path, monkeypatch):
    (tmp_path / "user_parts").mkdir()
    (tmp_path / "user_plain").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield importlib.import_module("user_net").Net
    for name in [name for name in sys.modules if name.startswith("user_")]:
        del sys.modules[name]


def test_what_a_file_imports_is_found_and_nothing_that_is_installed(net, tmp_path):
    found = {str(path.relative_to(tmp_path)) for path in own_files("user_net")}
    assert found == FILES.keys() - {"user_net.py", "user_other.py"}


@pytest.mark.parametrize("name", FILES)
def test_an_edit_to_any_of_them_is_another_description(net, tmp_path, name):
    before = describe(net)
    with (tmp_path / name).open("a") as file:
        file.write("# edited\n")
    assert (describe(net) != before) == (name != "user_other.py")

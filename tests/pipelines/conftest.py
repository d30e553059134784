import pytest
from small_models import save_editor

from audiodiff import Editor


@pytest.fixture(scope="session")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    folder = tmp_path_factory.mktemp("editor")
    save_editor(folder)
    return Editor.from_pretrained(folder, precision="fp32")

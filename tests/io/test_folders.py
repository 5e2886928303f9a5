import os
from pathlib import Path

import pytest
from PIL import Image

from fststyle.errors import BatchError, InputError
from fststyle.io.folders import files
from fststyle.runtime.batch import ImageListener, stylize_files
from fststyle.runtime.settings import ImageSettings, VideoSettings
from fststyle.runtime.video.batch import BatchListener, stylize_videos
from tests import clips, styles


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A folder with an unreadable subfolder. Since root can read every folder, the test refuses the access
    itself.
    """
    scandir = os.scandir

    def refusing(path="."):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    (tmp_path / "in" / "locked").mkdir(parents=True)
    return tmp_path / "in"


def test_unreadable_folder_is_reported_and_the_rest_is_found(locked):
    (locked / "a.txt").touch()
    refused = []
    assert files(locked, {".txt"}, lambda place, error: refused.append((place, str(error)))) == [
        locked / "a.txt"
    ]
    assert refused == [(locked / "locked", f"{locked / 'locked'}: cannot be read: Permission denied")]
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        files(locked / "locked", {".txt"})


@pytest.mark.usefixtures("style_folder")
def test_pictures_in_unreadable_folders_count_as_failed(locked, tmp_path):
    Image.fromarray(styles.photo(20, 30)).save(locked / "a.png")
    failed = []
    listener = ImageListener(on_failed=lambda source, error: failed.append(source))
    with pytest.raises(BatchError, match="1 of 2 images failed"):
        stylize_files(
            [locked], tmp_path / "out", ImageSettings(style="invert", device="cpu"), listener=listener
        )
    assert failed == [str(locked / "locked")]
    assert (tmp_path / "out" / "a.png").is_file()


@pytest.mark.usefixtures("style_folder")
def test_videos_in_unreadable_folders_count_as_failed(locked, tmp_path):
    clips.write(locked / "a.mp4", [0, 40, 80])
    failed = []
    listener = BatchListener(on_failed=lambda source, error: failed.append(source))
    with pytest.raises(BatchError, match="1 of 2 inputs failed or is damaged"):
        stylize_videos(locked, tmp_path / "out", VideoSettings(style="invert", device="cpu"), listener)
    assert failed == [str(locked / "locked")]
    assert (tmp_path / "out" / "a.mp4").is_file()


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    for name in ("b.png", "c.txt"):
        (tmp_path / name).symlink_to(tmp_path / "nothing")
    refused = []
    found = files(tmp_path, {".png"}, lambda place, error: refused.append(str(error)))
    assert found == [tmp_path / "a.png"]
    assert refused == [f"{tmp_path / 'b.png'}: is a link to a file that does not exist"]

"""Assets are kept whole, once, under the digest of their content."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from mutoscope.assets.folder import AssetFolder, AssetMissing, AssetsUnwritable


def test_a_file_is_found_by_its_digest(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"dusk")
    store = AssetFolder(folder=tmp_path / "assets")

    digest = store.put(path=picture)

    assert digest == sha256(b"dusk").digest()
    assert store.path(digest=digest).read_bytes() == b"dusk"


def test_the_same_content_from_many_threads_is_kept_once(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"dusk" * 100_000)
    store = AssetFolder(folder=tmp_path / "assets")

    with ThreadPoolExecutor(16) as threads:
        digests = set(threads.map(lambda _: store.put(path=picture), range(64)))

    assert len(digests) == 1
    assert len([path for path in (tmp_path / "assets").rglob("*") if path.is_file()]) == 1


def test_a_folder_that_takes_nothing_says_why(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"dusk")
    (tmp_path / "assets").write_text("in the way")

    with pytest.raises(AssetsUnwritable, match="takes no file"):
        AssetFolder(folder=tmp_path / "assets").put(path=picture)


def test_an_unknown_digest_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AssetMissing):
        AssetFolder(folder=tmp_path).path(digest=bytes(32))

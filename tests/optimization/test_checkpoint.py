import numpy as np
import pytest

from llmbook.optimization import checkpoint

ARRAYS = {
    "blocks.0.W": np.arange(6, dtype=np.float32).reshape(2, 3),
    "file": np.array(3),
    "info": np.linspace(0, 1, 50_000),
}


def test_what_is_saved_is_loaded(tmp_path):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS, {"step": 3, "big": 2**100, "name": "é"})
    arrays, info = checkpoint.load(str(path))
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    assert info == {"step": 3, "big": 2**100, "name": "é"}
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_save_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS, 1)

    def half(file, **arrays):
        file.write(b"PK\x03\x04 and then")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, {}, 2)
    assert checkpoint.load(path)[1] == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arrays", "info", "message"),
    [
        ({}, {1, 2}, "info cannot be saved"),
        ({"a": np.array([None])}, 1, "a holds objects; it must hold numbers"),
    ],
)
def test_what_cannot_be_saved_leaves_the_one_before(tmp_path, arrays, info, message):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS, 1)
    with pytest.raises(ValueError, match=message):
        checkpoint.save(path, arrays, info)
    assert checkpoint.load(path)[1] == 1


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused_by_name(tmp_path, share):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"model\.npz is not a complete checkpoint"):
        checkpoint.load(path)


def test_a_flipped_bit_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a complete checkpoint"):
        checkpoint.load(path)


def test_a_damaged_flag_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    checkpoint.save(path, ARRAYS)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1  # "encrypted", in the zip's directory
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a complete checkpoint"):
        checkpoint.load(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.npz"
    for write in (
        lambda file: np.savez(file, a=1),
        lambda file: np.save(file, np.ones(3)),
        lambda file: np.savez(file, info=np.array([None])),  # a pickle
        lambda file: file.write(b"hello, world"),
    ):
        with path.open("wb") as file:
            write(file)
        with pytest.raises(ValueError, match=r"other\.npz is not a complete checkpoint"):
            checkpoint.load(path)
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "none.npz")


def test_names_that_end_like_files_stay_apart(tmp_path):
    path = tmp_path / "model.npz"
    arrays = {
        "w": np.array(1),
        "w.npy": np.array(2),
        "header": np.array(3),
        "a/b": np.array(4),
        "": np.array(5),
    }
    checkpoint.save(path, arrays)
    assert {name: int(a) for name, a in checkpoint.load(path)[0].items()} == {
        k: int(a) for k, a in arrays.items()
    }


def test_a_flipped_byte_never_drops_or_changes_an_array(tmp_path):
    """Each byte of the archive's directory, which no checksum covers, and every tenth of the rest."""
    path = tmp_path / "model.npz"
    arrays = {f"layer {i}": np.arange(i, i + 3) for i in range(3)}
    checkpoint.save(path, arrays, {"step": 3})
    content = path.read_bytes()
    directory = content.index(b"PK\x01\x02")
    refused = 0
    for at in [*range(0, directory, 10), *range(directory, len(content))]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0b10100101]) + content[at + 1 :])
        try:
            loaded, info = checkpoint.load(path)
        except ValueError as error:
            assert "is not a complete checkpoint" in str(error)
            refused += 1
            continue
        assert loaded.keys() == arrays.keys() and info == {"step": 3}
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded[name], array)
    assert refused > 100

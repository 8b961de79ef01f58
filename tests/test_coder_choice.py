"""An experiment's coder: the same stages, another file, and a record that is right for it."""

from lightexp.artifact import BitPacking, Huffman, load, parse, read
from tests import tiny


def test_another_coder_reuses_all_stages_and_measures_its_own_file(tmp_path):
    first = tiny.experiment(tmp_path).run()
    record = tiny.experiment(tmp_path, coder=Huffman(), directory=tmp_path / "huffman").run()
    assert [row["reused"] for row in record.stages] == [True] * 5
    assert record.key != first.key
    parsed = parse(content := read(tmp_path / "huffman" / "model.lxp"))
    assert parsed.coder == Huffman()
    assert record.file_bytes == len(content) == record.stages[-1]["file_bytes"] > first.file_bytes
    assert record.ratio == record.original_bytes / len(content) == record.stages[-1]["ratio"]
    assert sum(row["code_bytes"] for row in record.layers) <= record.positions_bytes + record.values_bytes
    same = ("test_accuracy", "val_accuracy", "nonzero", "sparsity", "weight_bits", "original_bytes", "seconds")
    assert all(getattr(record, name) == getattr(first, name) for name in same)
    one, other = (load(tmp_path / folder / "model.lxp").state_dict() for folder in ("run", "huffman"))
    assert all(one[name].equal(other[name]) for name in one)


def test_by_default_a_run_of_each_coder_has_a_directory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for coder in (Huffman(), Huffman(linear_bits=4), BitPacking()):
        record = tiny.experiment(tmp_path, coder=coder, directory=None).run()
        assert parse(read(f"outputs/{record.key[:12]}/model.lxp")).coder == coder
    assert len(list((tmp_path / "outputs").iterdir())) == 3

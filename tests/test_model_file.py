"""Model files: exact, whole, refused when a single bit is not as it was written, and never executed."""

from __future__ import annotations

import errno
import json
import os
import pickle
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shrinkage import model_file
from shrinkage.errors import DataError, FormatError
from shrinkage.files import write_atomically
from shrinkage.model_file import Model, dumps, load, loads, save
from shrinkage.tables import Encoding, Table

TABLE = Table.of({"x": [1.0, 2.0, None, 4.0], "town": ["Ulm", "Köln", "Ulm", None], "b": [True, False, True, True]})
ENCODING = Encoding.fit(TABLE, missing="level", unseen="zero")


def model(**changes) -> Model:
    coef = np.array([1 / 3, -0.0, 5e-324, 1.7e308 / 1e300, -1e-17, 0.1 + 0.2])
    base = Model(
        target="y", loss="squared_error", penalty="l1", encoding=ENCODING, coef=coef, intercept=-0.0, alpha=0.1,
        rule="min", folds=10, seed=0, certificate={"kind": "duality gap", "relative": 1e-9, "holds": True},
        data={"rows": 4, "columns": 3}, path={"alphas": np.array([0.3, 0.1])}, summary="Kept all — as 'told'.\n",
        null_words=("?",),
    )  # fmt: skip
    return replace(base, **changes)


CONTENT = dumps(model()).encode()


class TestRoundTrip:
    def test_numbers_come_back_bit_for_bit(self, tmp_path):
        save(model(), tmp_path / "m.json")
        back = load(tmp_path / "m.json")
        assert back.coef.tobytes() == model().coef.tobytes()
        assert np.signbit(back.intercept)
        assert back.encoding == ENCODING
        assert back.predict(TABLE).mean.tobytes() == model().predict(TABLE).mean.tobytes()
        assert dumps(back) == dumps(model())

    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=6, max_size=6))
    def test_any_finite_numbers(self, numbers):
        written = model(coef=np.array(numbers))
        assert loads(dumps(written).encode()).coef.tobytes() == written.coef.tobytes()

    def test_a_classifier(self):
        back = loads(dumps(model(loss="logistic", classes=("no", "yes"))).encode())
        predictions = back.predict(TABLE)
        assert back.classes == ("no", "yes")
        assert ((predictions.mean > 0) & (predictions.mean <= 1)).all()
        assert set(predictions.labels) <= {"no", "yes"}

    def test_a_row_predicts_the_same_whatever_rows_are_beside_it(self):
        whole = model().predict(TABLE).mean
        alone = [model().predict(TABLE.rows(np.arange(4) == i)).mean[0] for i in range(4)]
        assert whole.tobytes() == np.array(alone).tobytes()

    def test_loss_numbers_and_offset(self):
        back = loads(dumps(model(loss="quantile", loss_numbers={"q": 0.9}, offset="o")).encode())
        assert back.loss_object().q == 0.9
        with pytest.raises(DataError, match="no column 'o'"):
            back.predict(TABLE)

    def test_the_file_is_plain_json_without_nan(self):
        parsed = json.loads(dumps(model(path={"gaps": np.array([np.nan, np.inf, 1.0])})))
        assert parsed["model"]["path"]["gaps"] == [None, None, 1.0]

    @pytest.mark.parametrize("change", [{"intercept": np.nan}, {"alpha": np.inf}, {"coef": np.full(6, np.nan)}])
    def test_a_model_with_numbers_that_are_not_finite_is_not_written(self, change, tmp_path):
        with pytest.raises(FormatError, match="not finite"):
            save(model(**change), tmp_path / "m.json")
        assert not list(tmp_path.iterdir())


class TestRefusal:
    @settings(max_examples=400)
    @given(st.integers(0, len(CONTENT) - 1), st.integers(0, 7))
    def test_any_flipped_bit_is_found(self, at, bit):
        altered = bytearray(CONTENT)
        altered[at] ^= 1 << bit
        self.refused_or_equal(bytes(altered))

    @settings(max_examples=200)
    @given(st.integers(0, len(CONTENT) - 2))
    def test_any_truncation_is_found(self, length):
        with pytest.raises(FormatError):
            loads(CONTENT[:length])

    @settings(max_examples=200)
    @given(st.integers(0, len(CONTENT)), st.binary(max_size=5), st.integers(0, 50))
    def test_any_splice_is_found(self, at, inserted, removed):
        self.refused_or_equal(CONTENT[:at] + inserted + CONTENT[at + removed :])

    @staticmethod
    def refused_or_equal(content: bytes) -> None:
        try:
            back = loads(content)
        except FormatError:
            return
        assert dumps(back).encode() == CONTENT  # blanks, and the like, may differ

    @settings(max_examples=200)
    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
    def test_noise(self, content):
        with pytest.raises(FormatError):
            loads(content)

    FOREIGN = {
        "csv": (b"a,b\n1,2\n", "does not start as JSON"),
        "pickle": (pickle.dumps({"a": 1}), "does not start as JSON"),
        "empty": (b"", "does not start as JSON"),
        "other json": (b'{"a": 1}', "not a shrinkage model"),
        "list": (b"[1]", "does not start as JSON"),
        "deep": (b'{"a":' * 100_000, "cut short or altered"),
        "nan": (b'{"format": NaN}', "cut short or altered"),
        "long number": (b'{"format": ' + b"1" * 10_000 + b"}", "cut short or altered"),
        "double key": (b'{"format": 1, "format": 2}', "a key occurs twice"),
    }

    @pytest.mark.parametrize("kind", FOREIGN)
    def test_foreign_files(self, kind, tmp_path):
        content, words = self.FOREIGN[kind]
        (tmp_path / "m.json").write_bytes(content)
        with pytest.raises(FormatError, match=words):
            load(tmp_path / "m.json")

    def test_a_later_version_is_told_from_an_altered_file(self):
        content = json.loads(CONTENT)
        content["schema"] = 99
        with pytest.raises(FormatError, match="schema 99.*Update it"):
            loads(json.dumps(content).encode())

    HOSTILE = {
        "no model": lambda body: body.clear(),
        "a loss that is code": lambda body: body.update(loss="__import__('os').system('true')"),
        "a number that is text": lambda body: body.update(intercept="1"),
        "a missing coefficient": lambda body: body["coef"].pop("x"),
        "a policy unheard of": lambda body: body["encoding"].update(missing="guess"),
        "a kind unheard of": lambda body: body["encoding"]["columns"][0].update(kind="os.system"),
        "a parameter unheard of": lambda body: body.update(loss_numbers={"lambda": 1}),
    }

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_files_with_a_right_checksum(self, kind):
        content = json.loads(CONTENT)
        self.HOSTILE[kind](content["model"])
        content["sha256"] = model_file._digest(content)
        with pytest.raises(FormatError, match="valid checksum, but not the fields"):
            loads(json.dumps(content).encode())

    def test_an_absent_file(self, tmp_path):
        with pytest.raises(DataError, match="no model file"):
            load(tmp_path / "m.json")


class TestWriting:
    def test_a_disk_that_is_full_loses_nothing(self, tmp_path, monkeypatch):
        path = tmp_path / "m.json"
        path.write_text("the old model")

        def full(_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            save(model(), path)
        assert path.read_text() == "the old model"
        assert [entry.name for entry in tmp_path.iterdir()] == ["m.json"]

    def test_an_interrupt_while_writing_loses_nothing(self, tmp_path, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save(model(), tmp_path / "m.json")
        assert not list(tmp_path.iterdir())

    def test_a_real_full_disk(self):
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        with pytest.raises(OSError, match="space"):
            write_atomically("/dev/full", b"x")

    def test_permissions_and_links_stay(self, tmp_path):
        kept, link = tmp_path / "kept.json", tmp_path / "link.json"
        kept.write_text("")
        kept.chmod(0o640)
        link.symlink_to(kept)
        save(model(), link)
        assert link.is_symlink() and stat.S_IMODE(kept.stat().st_mode) == 0o640
        load(link)

    def test_a_new_file_obeys_the_mask(self, tmp_path):
        before = os.umask(0o027)
        try:
            save(model(), tmp_path / "m.json")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "m.json").stat().st_mode) == 0o640

"""Tables: every form of file says the same; every spoilt one is refused with what, where and how to mend it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest

from shrinkage.errors import DataError, ParameterError
from shrinkage.tables import Encoding, Table, Target, read_table
from shrinkage.tables.read import CsvOptions

COLUMNS = {"size": [1.5, -2.0, 0.25, 4.0], "town": ["Ulm", "Bonn", "Ulm", "Köln"], "new": [True, False, False, True]}
FRAME = pa.table(COLUMNS)
CSV = "size,town,new\n1.5,Ulm,true\n-2.0,Bonn,false\n0.25,Ulm,false\n4.0,Köln,true\n"


def stream(text: str | bytes) -> io.BytesIO:
    return io.BytesIO(text.encode() if isinstance(text, str) else text)


def encoded(text: str, **settings) -> tuple[Encoding, np.ndarray]:
    table = read_table(stream(text))
    encoding = Encoding.fit(table, **settings)
    return encoding, encoding.matrix(table).X


def as_arrow_file(path, streamed=False):
    with (
        pa.OSFile(str(path), "wb") as sink,
        (pa.ipc.new_stream if streamed else pa.ipc.new_file)(sink, FRAME.schema) as writer,
    ):
        writer.write_table(FRAME)


WRITERS = {
    "csv": lambda path: path.write_text(CSV),
    "semicolons": lambda path: path.write_text(CSV.replace(",", ";")),
    "tabs": lambda path: path.write_text(CSV.replace(",", "\t")),
    "bars": lambda path: path.write_text(CSV.replace(",", "|")),
    "windows": lambda path: path.write_bytes(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode()),
    "blanks": lambda path: path.write_text(CSV.replace(",", ", ")),
    "gzip": lambda path: path.write_bytes(gzip.compress(CSV.encode())),
    "bzip2": lambda path: path.write_bytes(bz2.compress(CSV.encode())),
    "xz": lambda path: path.write_bytes(lzma.compress(CSV.encode())),
    "parquet": lambda path: parquet.write_table(FRAME, path),
    "feather": lambda path: feather.write_feather(FRAME, str(path)),
    "arrow": as_arrow_file,
    "arrow stream": lambda path: as_arrow_file(path, streamed=True),
}


class TestReading:
    @pytest.mark.parametrize("kind", WRITERS)
    def test_every_kind_of_file_gives_the_same_design(self, kind, tmp_path):
        path = tmp_path / "data"  # no extension: the content tells
        WRITERS[kind](path)
        encoding = Encoding.fit(read_table(path))
        assert encoding.names == ("size", "town=Bonn", "town=Köln", "town=Ulm", "new")
        expected = [[1.5, 0, 0, 1, 1], [-2, 1, 0, 0, 0], [0.25, 0, 0, 1, 0], [4, 0, 1, 0, 1]]
        assert encoding.matrix(read_table(path)).X.tolist() == expected

    @pytest.mark.parametrize(
        "frame",
        [pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), FRAME, COLUMNS],
        ids=["pandas", "polars", "arrow", "dict"],
    )
    def test_every_frame_gives_the_same_design_as_the_file(self, frame):
        encoding = Encoding.fit(read_table(stream(CSV)))
        assert np.array_equal(encoding.matrix(Table.of(frame)).X, encoding.matrix(read_table(stream(CSV))).X)

    def test_pandas_index_and_categories(self):
        frame = pd.DataFrame(COLUMNS, index=[7, 3, 9, 1]).astype({"town": "category"})
        assert Encoding.fit(Table.of(frame)).inputs == ("size", "town", "new")

    def test_polars_nan_is_missing(self):
        assert Table.of(pl.DataFrame({"a": [1.0, float("nan"), None]})).column("a").missing.tolist() == [
            False,
            True,
            True,
        ]

    def test_quoted_newlines_and_delimiters(self):
        table = read_table(stream('a;b,c\n1;"x\ny;z"\n2;u\n'))
        assert table.names == ["a", "b,c"] and len(table) == 2
        assert table.column("b,c").levels == ("u", "x\ny;z")

    def test_a_row_index_without_a_name_is_left_out(self):
        assert read_table(stream(pd.DataFrame({"a": [5, 6]}).to_csv())).names == ["a"]

    def test_decimal_commas(self):
        table = read_table(stream("a;b\n1,5;x\n2,25;y\n"), options=CsvOptions(decimal=","))
        assert table.column("a").values.tolist() == [1.5, 2.25]

    def test_more_words_for_missing(self):
        table = read_table(stream("a,b\n1,?\n2,3\n"), options=CsvOptions(null_words=("?",)))
        assert table.column("b").missing.tolist() == [True, False]

    def test_text_stays_text_where_asked(self):
        assert read_table(stream("plz,a\n01067,1\n89073,2\n"), text=["plz"]).column("plz").levels == ("01067", "89073")

    def test_numbers_are_read_exactly(self):
        numbers = [0.1, 1 / 3, 1e-310, 1.7976931348623157e308, -0.0, 5e-324]
        text = "a,b\n" + "".join(f"{x!r},1\n" for x in numbers)
        assert read_table(stream(text)).column("a").values.tobytes() == np.array(numbers).tobytes()

    def test_one_column_with_a_gap_keeps_its_rows(self):
        assert read_table(stream("a\n1\n\n3\n")).column("a").missing.tolist() == [False, True, False]


REFUSED_FILES = {
    "empty": (b"", "is empty"),
    "blank": (b"\n  \n", "blank lines"),
    "header only": (b"a,b\n", "header and no rows"),
    "no header": (b"1,2\n3,4\n", "header row"),
    "duplicate names": (b"a,a\n1,2\n", "named 'a'"),
    "unnamed column": (b"a,\n1,2\n", "column 2 has no name"),
    "ragged": (b"a,b\n1,2\n1,2,3\n", "line 3: 3 fields where the header has 2"),
    "latin1": ("a,b\n1,é\n".encode("latin1"), "not UTF-8"),
    "utf16": ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    "binary": (b"\x00\x01\x02\x03", "binary data"),
    "open quote": (b'a,b\n1,"2\n3,4\n', "never closed"),
    "cut gzip": (gzip.compress(CSV.encode() * 99)[:60], "cut short"),
    "broken gzip": (b"\x1f\x8bnonsense", "damaged"),
    "cut xz": (lzma.compress(CSV.encode() * 99)[:60], "cut short"),
    "zstd": (b"\x28\xb5\x2f\xfdnonsense", "Unpack it"),
    "excel": (b"PK\x03\x04nonsense", "Excel"),
    "broken parquet": (b"PAR1nonsense", "damaged"),
    "broken arrow": (b"ARROW1nonsense", "damaged"),
}


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_spoilt_files_are_refused_with_a_sentence(kind):
    content, words = REFUSED_FILES[kind]
    with pytest.raises(DataError, match=words) as caught:
        read_table(stream(content))
    assert str(caught.value).endswith((".", "?"))


def test_absent_files_suggest_the_nearest(tmp_path):
    (tmp_path / "houses.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match=r"Did you mean 'houses\.csv'"):
        read_table(tmp_path / "house.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="not a Parquet"):
        (tmp_path / "x.parquet").write_text("a\n1\n")
        read_table(tmp_path / "x.parquet")


LETTERS = "".join(f"{i},{chr(97 + i % 26)}{i}\n" for i in range(40))
REFUSED_COLUMNS = {
    "dates": ("d,a\n2020-01-01,1\n2020-01-02,2\n", "'d'.*dates or times.*--drop d"),
    "times": ("d,a\n12:30:00,1\n12:31:00,2\n", "dates or times"),
    "dates as text": ("d,a\n01/02/2020,1\n02/02/2020,2\n", "holds dates"),
    "decimal comma": ("d;a\n1,5;1\n2,5;2\n", "decimal comma"),
    "spoilt number": (
        "a,d\n" + "".join(f"{i},{i * i}\n" for i in range(9)) + "9,n.a.\n",
        r"but for 'n\.a\.' in data row 10",
    ),
    "identifier": ("a,d\n" + LETTERS, "40 different values in 40 rows"),
    "infinity": ("a,d\n1,2\n2,inf\n", "'d'.*1 infinite entry,.*data row 2"),
    "missing": ("a,d\n1,2\n2,\n,4\n", r"'a' \(1 row\), 'd' \(1 row\); the first is in data row 3"),
    "nothing left": ("a,d\n1,\n1,\n", "No column.*d .no value in any row.; a .1 in every row"),
}


@pytest.mark.parametrize("kind", REFUSED_COLUMNS)
def test_columns_that_cannot_be_used_are_refused_by_name(kind):
    text, words = REFUSED_COLUMNS[kind]
    with pytest.raises(DataError, match=words):
        encoded(text)


@pytest.mark.parametrize("kind", ["dates as text", "identifier", "decimal comma"])
def test_categorical_insists(kind):
    table = read_table(stream(REFUSED_COLUMNS[kind][0]))
    assert "d" in Encoding.fit(table, categorical=["d"]).factors


def test_reading_a_file_imports_no_data_frame_library(tmp_path):
    (tmp_path / "data.csv").write_text(CSV + ",,\n")
    program = (
        "import sys; from shrinkage.tables import Encoding, read_table; table = read_table(sys.argv[1]);"
        "Encoding.fit(table, missing='level').matrix(table);"
        "sys.exit(' '.join(m for m in ('pandas', 'polars', 'sklearn', 'torch') if m in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "data.csv"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class TestEncoding:
    def test_categorical_numbers_keep_their_order(self):
        encoding, X = encoded("k,a\n10,1\n9,2\n10,4\n", categorical=["k"])
        assert encoding.names == ("k=9", "k=10", "a")
        assert X.tolist() == [[0, 1, 1], [1, 0, 2], [0, 1, 4]]

    def test_groups_join_the_levels_of_a_factor(self):
        encoding, _ = encoded("x,t,y\n1,a,2\n2,b,\n3,c,4\n", missing="level")
        assert encoding.names == ("x", "t=a", "t=b", "t=c", "y", "y is missing")
        assert encoding.groups().tolist() == [0, 1, 1, 1, 2, 3]

    def test_constant_and_empty_columns_are_left_out_with_the_reason(self):
        encoding, X = encoded("a,b,c,d\n1,7,,x\n2,7,,x\n")
        assert encoding.names == ("a",) and X.tolist() == [[1], [2]]
        assert dict(encoding.left_out) == {"b": "7 in every row", "c": "no value in any row", "d": "x in every row"}

    def test_drop_reads_levels_from_the_rows_that_stay(self):
        encoding, X = encoded("t,x\na,1\nb,2\nonly_here,\nb,4\n", missing="drop")
        assert encoding.names == ("t=a", "t=b", "x") and len(X) == 3

    def test_mean_fills_numbers_booleans_and_factors(self):
        encoding, X = encoded("x,t,b\n1,u,true\n,v,false\n4,,\n1,u,true\n", missing="mean")
        assert encoding.names == ("x", "t=u", "t=v", "b")
        assert X[1, 0] == 2.0
        assert X[2].tolist() == [4.0, 2 / 3, 1 / 3, 2 / 3]

    def test_level_marks_what_is_missing(self):
        encoding, X = encoded("x,t\n1,u\n,v\n4,\n", missing="level")
        assert encoding.names == ("x", "x is missing", "t=u", "t=v", "t is missing")
        assert X.tolist() == [[1, 0, 1, 0, 0], [2.5, 1, 0, 1, 0], [4, 0, 0, 0, 1]]

    def test_mean_of_huge_and_of_equal_numbers(self):
        encoding, X = encoded("x,a\n1.7e308,1\n1.7e308,2\n-1.7e308,3\n,4\n", missing="mean")
        assert np.isfinite(X).all()
        assert encoding.columns[0].fill[0] == pytest.approx(1.7e308 / 3)

    def test_order_does_not_matter_and_extra_columns_are_ignored(self):
        encoding, X = encoded(CSV)
        shuffled = Table.of(FRAME.select(["new", "size", "town"]).append_column("when", pa.array(["2020"] * 4)))
        assert np.array_equal(encoding.matrix(shuffled).X, X)

    def test_absent_columns_are_named(self):
        encoding, _ = encoded(CSV)
        with pytest.raises(DataError, match="no column 'town'. Did you mean 'Town'"):
            encoding.matrix(Table.of(FRAME.rename_columns(["size", "Town", "new"])))
        with pytest.raises(DataError, match="2 columns 'size', 'new'"):
            encoding.matrix(Table.of(FRAME.select(["town"])))

    def test_unseen_levels(self):
        encoding, _ = encoded(CSV)
        new = Table.of({"size": [1.0, 2.0], "town": ["Ulm", "Wien"], "new": [True, True]})
        with pytest.raises(DataError, match=r"'town'.*1 level that the fit has not seen: 'Wien', in 1 row\."):
            encoding.matrix(new)
        matrix = encoding.matrix(new, unseen="zero")
        assert matrix.X[1].tolist() == [2, 0, 0, 0, 1] and "'Wien'" in matrix.notes[0]

    @pytest.mark.parametrize(
        ("new", "words"),
        [
            ({"size": ["big", "2"]}, "'size'.*text .'big', data row 1"),
            ({"size": pa.array([1, 2], pa.date32())}, "'size'.*date32"),
            ({"size": [1.0, float("inf")]}, "1 infinite"),
            ({"size": [None, 2.0]}, "missing entries in 1 column: 'size'"),
            ({"town": [None, "Ulm"]}, "missing entries in 1 column: 'town'"),
        ],
    )
    def test_new_rows_that_do_not_fit_are_refused(self, new, words):
        encoding, _ = encoded(CSV)
        with pytest.raises(DataError, match=words):
            encoding.matrix(Table.of(pa.table({"size": [1.0, 2.0], "town": ["Ulm", "Ulm"], "new": [True, False], **new})))

    def test_new_rows_without_any_value_follow_the_policy(self):
        encoding, _ = encoded("x,t\n1,u\n3,v\n", missing="mean")
        X = encoding.matrix(Table.of(pa.table({"x": pa.nulls(2), "t": pa.nulls(2)}))).X
        assert X.tolist() == [[2, 0.5, 0.5]] * 2

    def test_rows_dropped_from_new_data_are_told_by_the_mask(self):
        encoding, _ = encoded("x,t\n1,u\n3,v\n", missing="drop")
        matrix = encoding.matrix(Table.of({"x": [None, 5.0], "t": ["u", "v"]}))
        assert matrix.kept.tolist() == [False, True] and matrix.X.tolist() == [[5, 0, 1]]

    def test_names_that_clash_are_refused(self):
        with pytest.raises(DataError, match="'t=a'"):
            encoded("t=a,t\n1,a\n2,b\n")

    def test_unknown_policies(self):
        with pytest.raises(ParameterError, match="missing must be one of"):
            encoded(CSV, missing="ignore")

    def test_nested_columns_are_refused_unless_unused(self):
        table = Table.of(pa.table({"a": [1, 2], "l": [[1], [2]]}))
        with pytest.raises(DataError, match="'l'.*list.*--drop l"):
            Encoding.fit(table)
        assert Encoding.fit(table, ["a"]).names == ("a",)

    def test_the_table_is_not_modified(self):
        frame = pd.DataFrame({"x": [1.0, np.nan, 3.0], "t": ["a", "b", None]})
        before = frame.copy()
        Encoding.fit(Table.of(frame), missing="level").matrix(Table.of(frame))
        pd.testing.assert_frame_equal(frame, before)


class TestTarget:
    @pytest.mark.parametrize(
        ("values", "loss", "classes"),
        [
            (["no", "yes", "no"], "logistic", ("no", "yes")),
            ([True, False, True], "logistic", ("false", "true")),
            ([0, 1, 1], "logistic", ("0", "1")),
            ([1.0, 2.0, 2.0], "squared_error", None),
            ([1, 2, 3], "squared_error", None),
        ],
    )
    def test_the_loss_is_read_from_the_target(self, values, loss, classes):
        target = Target.of(Table.of({"y": values}), "y")
        assert (target.loss, target.classes) == (loss, classes)

    def test_a_given_loss_stands(self):
        assert Target.of(Table.of({"y": [0, 1, 1]}), "y", "squared_error").classes is None
        target = Target.of(Table.of({"y": [2, 1, 2]}), "y", "logistic")
        assert target.values(Table.of({"y": [2, 1, 2]})).tolist() == [1, 0, 1]

    @pytest.mark.parametrize(
        ("values", "loss", "words"),
        [
            (["a", "b", "c"], None, "3 different values"),
            (["1,5", "2,5", "3,5"], None, "--decimal"),
            ([1, 2, 3], "logistic", "3 different values"),
            (["a", "a"], None, "in every row"),
            (["a", "b"], "poisson", "--loss poisson needs numbers"),
            ([None, None], None, "no value"),
            (pa.array([1, 2], pa.date32()), None, "date32"),
        ],
    )
    def test_targets_that_cannot_be_fitted(self, values, loss, words):
        with pytest.raises(DataError, match=words):
            Target.of(Table.of(pa.table({"y": values})), "y", loss)

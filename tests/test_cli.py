"""The command line: what goes to stdout, what to stderr, with which code; nothing lost, nothing slow, nothing silent."""

from __future__ import annotations

import csv
import gzip
import io
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow.csv as arrow_csv
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

from shrinkage.cli import main
from shrinkage.cli.main import app
from shrinkage.errors import ConvergenceError, FormatError, MemoryBudgetError
from shrinkage.model_file import load

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
DIABETES = EXAMPLES / "diabetes.csv"
HEAVY = ("numpy", "scipy", "sklearn", "pandas", "pyarrow", "narwhals", "matplotlib", "torch", "rich")
HELP_BUDGET = 0.3  # seconds beyond `python -c pass`; the test allows five times that, for slow machines


class Result:
    """What a command said, and its code."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def rows(self):
        return list(csv.reader(io.StringIO(self.out)))


@pytest.fixture
def run(capfd):
    def command(*words):
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(code, out, err)

    return command


@pytest.fixture(scope="module")
def fitted(towns):
    path = towns.parent / "model.json"
    assert main(["fit", str(towns), "--target", "price", "--drop", "sold", "--alpha", "0.5", "--model", str(path)]) == 0
    return path


def changed(towns: Path, place: Path, change) -> Path:
    """The table with its lines changed."""
    place.write_text("\n".join(change(towns.read_text().splitlines())) + "\n")
    return place


class TestHelp:
    def test_no_words_give_a_short_help_with_examples(self, run):
        result = run()
        assert result.code == 0 and "shrinkage fit houses.csv --target price" in result.out
        assert len(result.out.splitlines()) < 12

    @pytest.mark.parametrize("command", ["fit", "predict", "path", "show", "convert"])
    def test_every_command_explains_itself_by_example(self, run, command):
        result = run(command, "--help")
        assert result.code == 0 and f"shrinkage {command} " in result.out and not result.err

    def test_the_app_is_an_ordinary_typer_app(self):
        result = CliRunner().invoke(app, ["--help"])
        assert result.exit_code == 0 and "Exit codes" in result.output

    def test_version(self, run):
        assert run("--version").out.strip()

    def test_help_is_quick(self):
        def seconds(*words):
            def once():
                start = time.perf_counter()
                subprocess.run([sys.executable, *words], check=True, capture_output=True)
                return time.perf_counter() - start

            return statistics.median(once() for _ in range(3))

        more = seconds("-m", "shrinkage", "--help") - seconds("-c", "pass")
        print(f"shrinkage --help: {more:.3f} s more than python -c pass (aim {HELP_BUDGET})")
        assert more < 5 * HELP_BUDGET

    @pytest.mark.parametrize(
        "words", [["--help"], ["fit", "--help"], [], ["fit"], ["fit", "x", "--target", "y", "--penalty", "?"]]
    )
    def test_nothing_heavy_is_imported_for_words_alone(self, words):
        program = (
            "import sys; from shrinkage.cli import main; main(sys.argv[1:]);"
            f"sys.exit(' '.join(m for m in {HEAVY} if m in sys.modules) or None)"
        )
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


class TestFit:
    def test_the_default_is_the_lasso_by_ten_folds(self, run, tmp_path):
        result = run("fit", DIABETES, "--target", "disease_progression", "--model", tmp_path / "m.json")
        assert result.code == 0
        assert "bmi" in result.out and "Alpha was chosen" in result.out and "10 folds (seed 0)" in result.out
        assert "442 rows, 11 columns" in result.err and "squared_error" in result.err
        model = load(tmp_path / "m.json")
        assert (model.penalty, model.rule, model.folds, model.seed) == ("l1", "min", 10, 0)
        assert model.penalty_numbers == {"standardize": True}

    def test_json_is_pure_and_agrees_with_the_file(self, run, tmp_path, towns):
        result = run("fit", towns, "--target", "price", "--drop", "sold", "--json", "--model", tmp_path / "m.json")
        model = load(tmp_path / "m.json")
        assert result.json["coefficients"] == dict(zip(model.encoding.names, model.coef.tolist(), strict=True))
        assert result.json["certificate"]["holds"] is True
        assert len(result.json["path"]["held_out_error"]) == len(result.json["path"]["alphas"])
        assert list(result.json["coefficients"]) == ["town=Bonn", "town=Köln", "town=Ulm", "size", "new"]

    def test_it_agrees_with_the_estimator(self, run):
        from sklearn.datasets import load_diabetes
        from sklearn.linear_model import Lasso

        X, y = load_diabetes(return_X_y=True, scaled=False)
        result = run("fit", DIABETES, "--target", "disease_progression", "--alpha", "2", "--json")
        z = (X - X.mean(0)) / X.std(0)
        expected = Lasso(alpha=2, tol=1e-12, max_iter=10**6).fit(z, y).coef_ / X.std(0)
        assert np.allclose(list(result.json["coefficients"].values()), expected, atol=1e-3 * np.abs(expected).max())

    def test_two_runs_give_the_same_file(self, run, tmp_path, towns):
        for name in ("a", "b"):
            run("fit", towns, "--target", "price", "--drop", "sold", "--model", tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_seed_moves_the_folds(self, run, towns):
        errors = [
            run("fit", towns, "--target", "price", "--drop", "sold", "--seed", seed, "--json").json["path"]["held_out_error"]
            for seed in (0, 1)
        ]
        assert errors[0] != errors[1]

    def test_a_yes_no_target_means_logistic(self, run, towns):
        result = run("fit", towns, "--target", "sold", "--drop", "price", "--json")
        assert result.json["loss"]["name"] == "logistic" and result.json["classes"] == ["no", "yes"]
        assert "probability that it is 'yes'" in result.err

    def test_zero_one_means_logistic_unless_a_loss_is_given(self, run, towns, tmp_path):
        data = changed(towns, tmp_path / "d.csv", lambda rows: [r.replace(",yes", ",1").replace(",no", ",0") for r in rows])
        assert (
            run("fit", data, "--target", "sold", "--drop", "price", "--alpha", ".1", "--json").json["loss"]["name"] == "logistic"
        )
        given = run("fit", data, "--target", "sold", "--drop", "price", "--loss", "squared-error", "--alpha", ".1", "--json")
        assert given.json["loss"]["name"] == "squared_error" and given.json["classes"] is None

    @pytest.mark.parametrize(
        "words",
        [
            ["--penalty", "l2", "--alpha", "1"],
            ["--penalty", "elastic_net", "--l1-ratio", "0.3", "--cv", "5"],
            ["--penalty", "mcp", "--alpha", "2"],
            ["--penalty", "scad", "--alpha", "2"],
            ["--penalty", "group_lasso", "--alpha", "1"],
            ["--penalty", "l1", "--group-by-factor", "--alpha", "1"],
            ["--loss", "huber:5", "--alpha", "1"],
            ["--loss", "poisson", "--alpha", "0.5"],
            ["--loss", "quantile:0.8", "--alpha", "0.1"],
            ["--loss", "absolute_error", "--alpha", "0.1"],
            ["--loss", "root_squared_error", "--alpha", "0.1"],
            ["--rule", "bic"],
            ["--rule", "1se", "--cv", "4"],
            ["--weights", "size", "--alpha", "1"],
            ["--offset", "size", "--alpha", "1"],
            ["--no-standardize", "--alpha", "1"],
            ["--categorical", "new", "--alpha", "1"],
        ],
        ids=" ".join,
    )
    def test_every_word_is_understood(self, run, towns, tmp_path, words):
        model = tmp_path / "m.json"
        result = run("fit", towns, "--target", "price", "--drop", "sold", *words, "--model", model, "--json")
        assert result.code in (0, 4), result.err
        assert result.code == (0 if result.json["certificate"]["holds"] else 4)
        assert run("predict", model, towns).code == 0

    def test_a_factor_in_a_group_comes_in_or_stays_out_whole(self, run, towns):
        found = run("path", towns, "--target", "price", "--drop", "sold", "--penalty", "group_lasso", "--json").json
        levels = np.array([found[f"town={town}"] for town in ("Bonn", "Köln", "Ulm")]) != 0
        assert (levels.all(axis=0) | ~levels.any(axis=0)).all() and levels.any() and not levels.all()

    def test_an_answer_that_is_not_certified_is_told_and_written(self, run, tmp_path):
        """Counts that grow as exp(5 x), columns eight decades apart and next to no penalty: beyond floating point."""
        rng = np.random.default_rng(0)
        X = rng.standard_normal((60, 3))
        table = np.column_stack([X * [1, 1e8, 1e-8], rng.poisson(np.exp(5 * X[:, 0]))])
        np.savetxt(tmp_path / "wild.csv", table, delimiter=",", header="a,b,c,y", comments="")
        words = ("--target", "y", "--loss", "poisson", "--alpha", "1e-14", "--no-standardize")
        result = run("fit", tmp_path / "wild.csv", *words, "--model", tmp_path / "m.json")
        assert result.code == 4 and result.err.count("Not certified") == 2 and "written all the same" in result.err
        assert load(tmp_path / "m.json").certificate["holds"] is False

    def test_the_words_are_those_of_the_library(self):
        from shrinkage.cli import options
        from shrinkage.estimators import words
        from shrinkage.losses import LOSSES_BY_NAME, loss_from_word
        from shrinkage.selection import RULES
        from shrinkage.tables import encoding

        assert set(options.LOSSES) == set(LOSSES_BY_NAME)
        assert set(options.PENALTIES) == set(words.WORDS) and set(options.RULES) == set(RULES)
        assert (options.MISSING, options.UNSEEN) == (encoding.MISSING_POLICIES, encoding.UNSEEN_POLICIES)
        for word, meaning in options.SYNONYMS.items():
            known = words._word(word) if meaning in options.PENALTIES else loss_from_word(word).name
            assert known == meaning

    def test_synonyms(self, run, towns):
        result = run("fit", towns, "--target", "price", "--drop", "sold", "--penalty", "Ridge", "--alpha", "1", "--json")
        assert result.json["penalty"]["name"] == "l2"


class TestForms:
    def test_every_form_of_the_data_gives_the_same_model(self, run, towns, tmp_path):
        text = towns.read_text()
        frame = arrow_csv.read_csv(towns)
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
        (tmp_path / "b.csv").write_text(text.replace(",", ";"))
        parquet.write_table(frame, tmp_path / "c.parquet")
        feather.write_feather(frame, str(tmp_path / "d.arrow"), compression="uncompressed")
        answers = [
            run("fit", path, "--target", "price", "--drop", "sold", "--json").json["coefficients"]
            for path in [towns, *sorted(tmp_path.iterdir())]
        ]
        assert len(answers) == 5 and all(answer == answers[0] for answer in answers)

    def test_standard_input(self, towns):
        words = ["-m", "shrinkage", "fit", "-", "--target", "price", "--drop", "sold", "--alpha", "1", "--json"]
        done = subprocess.run([sys.executable, *words], input=towns.read_bytes(), capture_output=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["data"]["source"] == "standard input"


class TestErrors:
    def refused(self, result, code, *words):
        assert result.code == code, result.err
        assert result.out == ""
        message = result.err.split("Error: ")[1]
        assert all(word in message for word in words), message

    def test_a_wrong_column_suggests_the_right_one(self, run, towns):
        self.refused(run("fit", towns, "--target", "prise"), 3, "no target column 'prise'", "Did you mean 'price'?")
        self.refused(run("fit", towns, "--target", "price", "--drop", "Sold"), 3, "Did you mean 'sold'?")
        self.refused(run("fit", towns, "--target", "price", "--weights", "sizes"), 3, "Did you mean 'size'?")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--penalty", "groups"], "Did you mean 'group_lasso'?"),
            (["--loss", "logistc"], "'logistic'"),
            (["--loss", "poisson:3"], "takes no number"),
            (["--loss", "quantile:x"], "not a number"),
            (["--loss", "quantile:3"], "q"),
            (["--rule", "2se"], "'1se'"),
            (["--missing", "ignore"], "error, drop, mean, level"),
            (["--alpha", "1", "--cv", "5"], "--alpha fixes"),
            (["--alpha", "-1"], "alpha must be"),
            (["--alpha", "nan"], "alpha must be"),
            (["--cv", "1"], "--cv"),
            (["--l1-ratio", "2"], "between 0 and 1"),
            (["--delimiter", "ab"], "one (ASCII) character"),
            (["--model", "/nowhere/m.json"], "no folder /nowhere"),
            (["--colour", "red"], "--colour"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_usage(self, run, towns, words, message):
        self.refused(run("fit", towns, "--target", "price", "--drop", "sold", *words), 2, message)

    def test_a_missing_target_word_and_an_unknown_command(self, run, towns):
        self.refused(run("fit", towns), 2, "--target")
        self.refused(run("fti", towns), 2, "Did you mean 'fit'?")

    def test_data(self, run, towns, tmp_path):
        self.refused(run("fit", tmp_path / "nothing.csv", "--target", "y"), 3, "There is no file")
        self.refused(run("fit", towns, "--target", "town"), 3, "3 different values")
        gap = changed(towns, tmp_path / "gap.csv", lambda rows: [*rows, "Ulm,,true,300,no"])
        self.refused(run("fit", gap, "--target", "price"), 3, "'size' (1 row)", "data row 81", "--missing drop")
        gap = changed(towns, tmp_path / "gap.csv", lambda rows: [*rows, "Ulm,1,true,,no"])
        self.refused(run("fit", gap, "--target", "price", "--missing", "mean"), 3, "never filled in")
        few = changed(towns, tmp_path / "few.csv", lambda rows: rows[:7])
        self.refused(run("fit", few, "--target", "price", "--drop", "sold"), 3, "too few for 10 folds", "--cv 6")
        self.refused(run("fit", few, "--target", "price", "--weights", "town"), 3, "must hold numbers")

    @pytest.mark.parametrize("policy", ["drop", "mean", "level"])
    def test_missing_policies(self, run, towns, tmp_path, policy):
        gaps = changed(towns, tmp_path / "gap.csv", lambda rows: [*rows, "Ulm,,true,300,no", ",90,,280,no"])
        model = tmp_path / "m.json"
        words = ["--target", "price", "--drop", "sold", "--alpha", "1", "--missing", policy]
        result = run("fit", gaps, *words, "--model", model, "--json")
        assert result.code == 0 and result.json["data"]["rows"] == (80 if policy == "drop" else 82)
        predicted = run("predict", model, gaps).rows
        assert len(predicted) == 83
        assert [row[0] == "" for row in predicted[-2:]] == [policy == "drop"] * 2

    def test_constant_columns_are_told(self, run, towns, tmp_path):
        data = changed(towns, tmp_path / "c.csv", lambda rows: [rows[0] + ",one"] + [r + ",1" for r in rows[1:]])
        result = run("fit", data, "--target", "price", "--drop", "sold", "--alpha", "1", "--json")
        assert result.json["left_out"] == [{"name": "one", "reason": "1 in every row"}] and "one: left out" in result.err

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (FormatError("x"), 5),
            (ConvergenceError("x"), 4),
            (MemoryBudgetError("x"), 1),
            (ZeroDivisionError("x"), 1),
            (OSError(28, "No space"), 1),
        ],
        ids=str,
    )
    def test_codes_of_errors_from_below(self, run, towns, monkeypatch, error, code):
        def broken(*_, **__):
            raise error

        monkeypatch.setattr("shrinkage.cli.training.read_table", broken)
        result = run("fit", towns, "--target", "price")
        assert result.code == code and len(result.err.strip().splitlines()) <= 2

    def test_debug_shows_the_traceback(self, towns, monkeypatch):
        monkeypatch.setenv("SHRINKAGE_DEBUG", "1")
        with pytest.raises(ValueError, match="no target column"):
            main(["fit", str(towns), "--target", "prise"])


class TestPredict:
    def test_numbers_match_the_model_exactly(self, run, fitted, towns):
        result = run("predict", fitted, towns)
        rows = result.rows
        assert rows[0] == ["price"] and len(rows) == 81
        table = arrow_csv.read_csv(towns)
        assert [float(row[0]) for row in rows[1:]] == load(fitted).predict(table).mean.tolist()

    def test_columns_in_another_order_and_more_of_them(self, run, fitted, towns, tmp_path):
        table = arrow_csv.read_csv(towns)
        other = table.select(["price", "new", "size", "town"]).append_column("when", table["size"])
        arrow_csv.write_csv(other, tmp_path / "other.csv")
        assert run("predict", fitted, tmp_path / "other.csv").out == run("predict", fitted, towns).out

    def test_absent_columns_are_named(self, run, fitted, towns, tmp_path):
        data = changed(towns, tmp_path / "d.csv", lambda rows: [rows[0].replace("size", "sise"), *rows[1:]])
        result = run("predict", fitted, data)
        assert result.code == 3 and "no column 'size'" in result.err and "Did you mean 'sise'" in result.err

    def test_unseen_levels(self, run, fitted, towns, tmp_path):
        data = changed(towns, tmp_path / "d.csv", lambda rows: [rows[0], rows[1], "Wien,100,true,1,no"])
        result = run("predict", fitted, data)
        assert result.code == 3 and "'Wien'" in result.err and "--unseen zero" in result.err
        result = run("predict", fitted, data, "--unseen", "zero")
        assert result.code == 0 and "'Wien' not seen" in result.err and len(result.rows) == 3

    def test_output_and_json(self, run, fitted, towns, tmp_path):
        plain = run("predict", fitted, towns).out
        result = run("predict", fitted, towns, "--output", tmp_path / "p.csv")
        assert result.out == "" and (tmp_path / "p.csv").read_text() == plain
        found = run("predict", fitted, towns, "--json").json
        assert found["predictions"] == [float(row) for row in plain.split()[1:]]

    def test_classes_and_probabilities(self, run, towns, tmp_path):
        run("fit", towns, "--target", "sold", "--drop", "price", "--alpha", "0.02", "--model", tmp_path / "m.json")
        rows = run("predict", tmp_path / "m.json", towns).rows
        assert rows[0] == ["sold", "probability_yes"]
        assert all((label == "yes") == (float(p) > 0.5) for label, p in rows[1:])
        found = run("predict", tmp_path / "m.json", towns, "--json").json
        assert found["predictions"] == [row[0] for row in rows[1:]]

    def test_the_offset_is_needed_again(self, run, towns, tmp_path):
        words = [
            "--target",
            "price",
            "--drop",
            "sold",
            "--alpha",
            "1",
            "--offset",
            "size",
            "--model",
            tmp_path / "m.json",
        ]
        run("fit", towns, *words)
        data = changed(towns, tmp_path / "d.csv", lambda rows: [r.split(",", 2)[0] + "," + r.split(",", 2)[2] for r in rows])
        result = run("predict", tmp_path / "m.json", data)
        assert result.code == 3 and "'size'" in result.err

    @pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b'{"format": "shrinkage model", "schema": 99}', b"{}"])
    def test_files_that_are_no_model(self, run, towns, tmp_path, content):
        (tmp_path / "m.json").write_bytes(content)
        result = run("predict", tmp_path / "m.json", towns)
        assert result.code == 5 and result.out == "" and result.err.startswith("Error: ")

    def test_a_truncated_model(self, run, fitted, towns, tmp_path):
        (tmp_path / "m.json").write_bytes(fitted.read_bytes()[:-40])
        assert run("show", tmp_path / "m.json").code == 5


class TestPathShowConvert:
    def test_path_as_csv_and_json(self, run, towns, tmp_path):
        words = ["path", towns, "--target", "price", "--drop", "sold", "--n-alphas", "20"]
        result = run(*words)
        assert result.code == 0
        assert result.rows[0][:6] == [
            "alpha",
            "nonzeros",
            "deviance_explained",
            "certificate",
            "certified",
            "(intercept)",
        ]
        assert len(result.rows) == 21
        found = run(*words, "--json").json
        assert found["nonzeros"][0] == 0 and found["nonzeros"][-1] > 0
        assert [float(row[0]) for row in result.rows[1:]] == found["alpha"]
        run(*words, "--output", tmp_path / "p.csv")
        assert (tmp_path / "p.csv").read_text() == result.out

    def test_an_interrupted_path_keeps_what_is_done(self, run, towns, monkeypatch):
        import shrinkage.cli.path as command

        def partial(request, training, n_alphas, ratio):
            return original(request, training, 5, ratio)[0], False

        original = command._fit
        monkeypatch.setattr(command, "_fit", partial)
        result = run("path", towns, "--target", "price", "--drop", "sold")
        assert result.code == 130 and len(result.rows) == 6 and "Interrupted" in result.err

    def test_show(self, run, fitted):
        result = run("show", fitted)
        assert result.code == 0 and "Needs 3 columns: town (Bonn, Köln, Ulm), size, new." in result.out
        found = run("show", fitted, "--json").json
        assert found["alpha"] == 0.5 and found["columns"][0]["levels"] == ["Bonn", "Köln", "Ulm"]

    def test_convert(self, run):
        words = ["convert", "0.1", "--from", "sklearn.Lasso.alpha", "--to", "lars.lambda", "--n", "100"]
        result = run(*words)
        assert (result.code, result.out) == (0, "10.0\n") and "lambda = n alpha" in result.err
        assert run(*words, "--json").json["value"] == 10.0
        assert "sklearn.Lasso.alpha" in run("convert", "--list").out
        pair = run("convert", "0.5,0.2", "--from", "sklearn.ElasticNet.alpha", "--to", "strength", "--n", "10", "--sigma", "1")
        assert pair.out == "1.0,4.0\n"
        assert run("convert", "0.1", "--from", "sklearn.Laso.alpha", "--to", "lars.lambda").code == 2
        assert run("convert", "x", "--from", "a", "--to", "b").code == 2
        assert run("convert").code == 2


def test_ctrl_c_within_an_import_is_an_interrupt_too(run, towns, monkeypatch):
    def wrapped(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as stop:
            raise RuntimeError("Error calling __set_name__") from stop

    monkeypatch.setattr("shrinkage.cli.training.read_table", wrapped)
    result = run("fit", towns, "--target", "price")
    assert result.code == 130 and result.err.startswith("Interrupted")


def test_warnings_of_the_fit_reach_the_person(run, towns, monkeypatch):
    from sklearn.exceptions import ConvergenceWarning

    from shrinkage.estimators import PenalizedRegressor

    original = PenalizedRegressor.fit

    def fit(self, *words, **settings):
        warnings.warn("at alpha=1: try more steps", ConvergenceWarning, stacklevel=2)
        return original(self, *words, **settings)

    monkeypatch.setattr(PenalizedRegressor, "fit", fit)
    result = run("fit", towns, "--target", "price", "--drop", "sold", "--alpha", "1", "--json")
    assert "Warning: at alpha=1: try more steps" in result.err and result.json

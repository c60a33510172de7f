"""The report in a browser without a network: what it shows, how it is used, and that nothing overlaps."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shrinkage as sh

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = [(1280, "light"), (1280, "dark"), (380, "light"), (380, "dark")]

# Pairs of texts in one picture of which one covers the other, in words.
OVERLAPS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll("main svg")) {
    const texts = [...svg.querySelectorAll("text")].filter((t) => t.textContent.trim() && t.getBoundingClientRect().width > 0);
    const boxes = texts.map((t) => t.getBoundingClientRect());
    for (let i = 0; i < texts.length; i++)
      for (let j = i + 1; j < texts.length; j++) {
        const [a, b] = [boxes[i], boxes[j]];
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1.5 && down > 4)
          found.push(`${svg.closest("section")?.id}: ${texts[i].textContent} | ${texts[j].textContent}`);
      }
  }
  return found;
}"""
OUTSIDE = """() => [...document.querySelectorAll("main svg text")]
  .filter((t) => t.getBoundingClientRect().width > 0)
  .filter((t) => {
    const [text, section] = [t.getBoundingClientRect(), t.closest("section").getBoundingClientRect()]; // it cuts what leaves it
    return text.left < Math.max(section.left, 0) - 0.5 || text.right > Math.min(section.right, innerWidth) + 0.5;
  })
  .map((t) => `${t.closest("section").id}: ${t.textContent}`)"""


def diabetes():
    table = pd.read_csv(ROOT / "examples" / "diabetes.csv")
    y = table.pop("disease_progression")
    return sh.PenalizedRegressorCV(standardize=True, rule="1se").fit(table, y), "disease_progression"


def classes():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.standard_normal((200, 8)), columns=[f"a rather long name of number {j} measured" for j in range(8)])
    y = np.where(X.iloc[:, 0] - X.iloc[:, 1] + rng.logistic(size=200) > 0, "ill", "well")
    return sh.PenalizedClassifier(alpha=0.02, standardize=True).fit(X, y), "state"


def ridge():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((80, 40))
    return sh.Ridge(5.0).fit(X, X[:, 0] + rng.standard_normal(80)), "y"


def wide():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((150, 10_000))
    return sh.PenalizedRegressorCV(standardize=True, n_alphas=50).fit(X, X[:, :5].sum(axis=1) + rng.standard_normal(150)), "y"


FITS = {"diabetes": diabetes, "classes": classes, "ridge": ridge, "wide": wide}


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """name -> (fit, file), each made once."""
    folder, made = tmp_path_factory.mktemp("reports"), {}

    def report(name):
        if name not in made:
            fit, target = FITS[name]()
            fit.report(folder / f"{name}.html", target=target)
            made[name] = fit, folder / f"{name}.html"
        return made[name]

    return report


@pytest.fixture
def opened(chromium, reports):
    """Opens a report in a context of its own without a network; what it asked for and complained of is kept on the page."""
    contexts = []

    def visit(name, width=1280, theme="light"):
        context = chromium.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=theme)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("requestfailed", lambda request: page.complaints.append(request.url))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.goto(reports(name)[1].as_uri())
        page.wait_for_selector("#source pre")
        return page

    yield visit
    for context in contexts:
        context.close()


def told(page):
    return json.loads(page.locator("#record").text_content())


def settle(page):
    """Two frames later the views have heard of the change."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("name", FITS)
def test_a_report_asks_for_nothing_but_itself(opened, reports, name):
    page = opened(name)
    page.locator("#alpha").press("ArrowRight")
    page.wait_for_timeout(300)
    asked = [url for url in page.asked if not url.startswith("data:")]
    assert asked == [reports(name)[1].as_uri()]
    assert page.complaints == []


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(("width", "theme"), SCREENS[::2])
def test_nothing_overlaps_or_leaves_the_screen(opened, name, width, theme):
    page = opened(name, width, theme)
    last = int(page.locator("#alpha").get_attribute("max"))
    for index in (None, 0, last // 2, last):
        if index is not None:
            page.locator("#alpha").fill(str(index))
            settle(page)
        assert page.evaluate(OVERLAPS) == []
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["diabetes", "classes"])
@pytest.mark.parametrize(("width", "theme"), SCREENS)
def test_axe_finds_nothing_to_complain_of(opened, name, width, theme):
    page = opened(name, width, theme)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run()).violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 200))])")
    assert found == []


@pytest.mark.parametrize("width", [1280, 380])
def test_long_names_are_told_apart(opened, width):
    page = opened("classes", width)
    for section, selector in [("path", "text.label"), ("shrinkage", "text.name")]:
        texts = page.locator(f"#{section} {selector}").evaluate_all("all => all.map((text) => text.firstChild.textContent)")
        assert len(texts) == len(set(texts)) == 8, texts
    for select in page.locator("main select").all():
        box, section = select.bounding_box(), select.locator("xpath=ancestor::section").bounding_box()
        assert box["x"] + box["width"] <= section["x"] + section["width"] + 0.5


def test_the_cursor_is_moved_by_keys_and_every_picture_follows(opened, reports):
    page, path = opened("diabetes"), reports("diabetes")[0].path_
    slider = page.locator("#alpha")
    chosen = reports("diabetes")[0].choice_.index
    assert slider.input_value() == str(chosen)
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    settle(page)
    for picture in ("path", "curve", "certificate"):
        assert page.locator(f"#{picture} .at").get_attribute("data-index") == str(chosen + 3)
    kept = int((path.coefs[:, chosen + 3] != 0).sum())
    assert f"{kept} of 10 kept" in page.locator(".cursor output").text_content()
    assert f"the model keeps {kept} of 10 features" in page.locator("#path .saying").text_content()
    assert f"alpha {path.alphas[chosen + 3]:.4g}" in slider.get_attribute("aria-valuetext")
    page.get_by_role("button", name="min", exact=True).click()
    settle(page)
    assert slider.input_value() == str(reports("diabetes")[0].choice_.index_min)


def test_the_cursor_is_dragged_on_the_path(opened):
    page = opened("diabetes")
    box = page.locator("#path svg").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 150, steps=4)
    page.mouse.up()
    settle(page)
    line, slider = page.locator("#path .at"), page.locator("#alpha")
    assert line.get_attribute("data-index") == slider.input_value()
    assert abs(float(line.get_attribute("x1")) - 300) < 6  # half a step of the path


def test_lines_stand_where_the_coefficients_are(opened, reports):
    """The end of every line, read back through its axis, is the coefficient that Python has."""
    page, fit = opened("diabetes"), reports("diabetes")[0]
    ticks = page.evaluate("""() => [...document.querySelectorAll("#path svg > g")]
      .map((g) => [...g.querySelectorAll(".tick")].filter((t) => t.querySelector("text").getAttribute("x") !== null)
        .map((t) => [t.querySelector("text").textContent.replace("−", "-"), t.getAttribute("transform").match(/,([-\\d.]+)/)[1]])
        .map((pair) => pair.map(Number)))
      .filter((g) => g.length > 1)[0]""")
    (v0, y0), (v1, y1) = ticks[0], ticks[-1]
    sd = told(page)["features"]["sd"]
    for j, name in enumerate(fit.feature_names_in_):
        line = page.locator(f"#path path[data-feature='{j}']")
        end = float(line.get_attribute("d").split(",")[-1])
        # d3 puts axes on half pixels and writes lines to a thousandth of one.
        found = v0 + (end + 0.5 - y0) * (v1 - v0) / (y1 - y0)
        assert found == pytest.approx(fit.path_.coefs[j, -1] * sd[j], abs=0.6 * abs((v1 - v0) / (y1 - y0))), name


def test_the_table_has_the_coefficients_and_is_sorted_and_searched(opened, reports):
    page, fit = opened("diabetes"), reports("diabetes")[0]
    rows = page.locator("#table tbody tr")
    names = rows.locator("th").all_text_contents()
    sd = dict(zip(fit.feature_names_in_, told(page)["features"]["sd"], strict=True))
    size = {name: abs(c * sd[name]) for name, c in zip(fit.feature_names_in_, fit.coef_, strict=True)}
    assert [size[name] for name in names] == sorted(size.values(), reverse=True)
    for row, name in zip(rows.all(), names, strict=True):
        shown = float(row.locator("td").first.text_content().replace("−", "-"))
        coef = fit.coef_[list(fit.feature_names_in_).index(name)]
        assert shown == pytest.approx(coef, rel=1e-3)
    page.get_by_role("button", name="feature", exact=True).click()
    assert rows.locator("th").all_text_contents() == sorted(names)
    assert page.locator("#table thead th").first.get_attribute("aria-sort") == "ascending"
    page.locator("#table input").fill("chol")
    assert all("chol" in name for name in rows.locator("th").all_text_contents())
    assert page.locator("#table [role=status]").text_content() == "2 of 10 features"


def test_a_feature_is_chosen_by_keys_in_the_table(opened):
    page = opened("diabetes")
    page.locator("#table tbody button", has_text="blood_pressure").press("Enter")
    settle(page)
    assert page.locator("#path .coefficient.chosen title").text_content() == "blood_pressure"
    assert "blood_pressure" in page.locator("#path .saying").text_content()


def test_the_theme_is_switched_and_every_control_is_reached_by_tab(opened):
    page = opened("diabetes", theme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate(ground) != dark
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(60):
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.textContent.slice(0, 20)"))
        page.keyboard.press("Tab")
    assert {"Print", "alpha", "chosen", "per sd"} <= reached


def test_on_paper_the_whole_table_is_there_and_no_control(opened):
    page = opened("classes", theme="dark")
    page.emulate_media(media="print")
    assert page.locator("#alpha").is_hidden() and page.locator("#table input").is_hidden()
    assert page.locator("#table tbody tr").count() == 8
    assert page.evaluate("(e => e.scrollHeight <= e.clientHeight + 1)(document.querySelector('#table .scroll'))")
    assert page.pdf(format="A4").startswith(b"%PDF")
    bars = page.locator("#table td.bar b").evaluate_all("all => all.map((bar) => getComputedStyle(bar).printColorAdjust)")
    assert set(bars) == {"exact"}  # else a browser leaves backgrounds out


def test_bars_are_spoken_of_where_there_are_some(opened):
    for width, shown in ((1280, True), (380, False)):
        page = opened("diabetes", width)
        assert page.locator("#table td.bar").first.is_visible() == shown
        assert page.locator("#table .bars").is_visible() == shown

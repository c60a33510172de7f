"""The explorer in a browser: one alpha moves everything, and what the page shows is what the library says.

Correlated data with six features. Every number is read from the page, from its pixels where it is a picture, and compared with
Python to 1e-6.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import shrinkage as sh
from shrinkage.page.explore import PENALTIES, groups_of
from shrinkage.page.report import study as study_of

NEAR = 1e-6
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def study():
    """Six features, correlated by 0.7, in unlike units; two do not matter."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((150, 6)) @ np.linalg.cholesky(0.7 + 0.3 * np.eye(6)).T * [1.0, 0.1, 10.0, 2.0, 1.0, 0.5]
    y = X @ [1.5, -9.0, 0.0, 0.4, 0.0, 2.0] + 2 * rng.standard_normal(150)
    return X, y


X, Y = study()
SD = X.std(axis=0)
Z = (X - X.mean(axis=0)) / SD  # the columns as the penalty sees them
GRAM, PULL = Z.T @ Z / len(Y), Z.T @ (Y - Y.mean()) / len(Y)


@pytest.fixture(scope="module")
def explorer():
    with sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(X, Y)) as one:
        yield one


@pytest.fixture(scope="module")
def axe():
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make test-pages installs it")
    return AXE.read_text()


@pytest.fixture
def page(chromium, explorer):
    with chromium.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce") as context:
        one = context.new_page()
        wrong = []
        one.on("pageerror", lambda error: wrong.append(str(error)))
        one.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        one.on("requestfailed", lambda request: wrong.append(request.url))
        one.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(explorer.address) else None)
        one.goto(explorer.address)
        one.wait_for_selector("#shrinkage svg")
        yield one
        assert [text for text in wrong if not text.startswith(("data:", "Failed to load resource"))] == []


def settled(page):
    """After the frame in which views hear of a change."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def move(page, index):
    """The alpha cursor, as its slider moves it."""
    page.locator(".cursor input[type=range]").evaluate(
        "(slider, index) => { slider.value = index; slider.dispatchEvent(new Event('input', {bubbles: true})) }", index
    )  # fmt: skip
    settled(page)


def data(page, section):
    found = page.locator(f"#{section}").evaluate("element => ({...element.dataset})")
    return {key: value if value in ("true", "false") else float(value) for key, value in found.items()}


def points(page, selector):
    """Where a line of the geometry runs, (m, 2), from its pixels and the axes that are written on its picture."""
    path, axes = page.locator(selector).evaluate(
        "path => [path.getAttribute('d'), {...path.closest('svg').dataset}]"
    )  # fmt: skip
    pixels = np.array(re.findall(r"[ML](-?[\d.e-]+),(-?[\d.e-]+)", path), float)
    x0, x1, y0, y1, width, height = (float(axes[name]) for name in ("x0", "x1", "y0", "y1", "width", "height"))
    return np.column_stack([x0 + pixels[:, 0] / width * (x1 - x0), y1 - pixels[:, 1] / height * (y1 - y0)])


def choose(page, penalty, kind=None):
    page.select_option("select[name=penalty]", penalty)
    page.wait_for_function("kind => document.documentElement.dataset.penalty === kind", arg=kind or penalty)
    settled(page)


def pair(page, j, k):
    page.select_option("#geometry select[data-side=x]", str(j))
    page.select_option("#geometry select[data-side=y]", str(k))
    settled(page)


def solved(penalty, alpha, **more):
    """The library's answer on the standardised columns."""
    model = sh.PenalizedRegressor(penalty=penalty, alpha=alpha, tol=1e-13, **more).fit(Z, Y)
    return model.coef_


def words_of(penalty):
    """What the explorer says to the library beside the penalty and alpha."""
    if penalty == "group_lasso":
        return {"groups": groups_of(study_of(sh.PenalizedRegressor(standardize=True).fit(X, Y)))}
    return {"l1_ratio": 0.5} if penalty == "elastic_net" else {}


def alphas(page):
    page_record = page.evaluate("() => JSON.parse(document.getElementById('record').textContent).path.alphas")
    return np.array(page_record)


# ---- one cursor


@pytest.mark.parametrize("index", [0, 20, 45, 70, 99])
def test_the_cursor_moves_every_view_to_the_same_fit(page, index):
    pair(page, 0, 1)
    page.select_option("#prior select", "1")
    move(page, index)
    w = solved("l1", alphas(page)[index])
    geometry, prior, shrinkage = data(page, "geometry"), data(page, "prior"), data(page, "shrinkage")
    assert geometry["index"] == prior["index"] == shrinkage["index"] == index
    np.testing.assert_allclose([geometry["x"], geometry["y"]], w[:2], atol=NEAR)
    np.testing.assert_allclose(geometry["t"], np.abs(w[:2]).sum(), atol=NEAR)
    np.testing.assert_allclose(prior["mode"], w[1], atol=NEAR)
    fit = page.locator("#geometry circle.fit").evaluate("c => [+c.getAttribute('cx'), +c.getAttribute('cy')]")
    path = points(page, "#geometry path.trail")
    np.testing.assert_allclose(path[index], w[:2], atol=NEAR)
    axes = page.locator("#geometry svg").evaluate("svg => ({...svg.dataset})")
    x0, x1, width = float(axes["x0"]), float(axes["x1"]), float(axes["width"])
    np.testing.assert_allclose(x0 + fit[0] / width * (x1 - x0), w[0], atol=NEAR)


# ---- the geometry


@pytest.mark.parametrize("penalty", ["l1", "l2", "elastic_net", "group_lasso"])
def test_the_contour_touches_the_ball(page, penalty):
    if penalty != "l1":
        choose(page, penalty, {"group_lasso": "group"}.get(penalty))
    page.check("input[value=hard]")
    for pair_ in [(0, 1), (2, 5), (3, 4)]:
        pair(page, *pair_)
        for index in (25, 50, 80):
            move(page, index)
            told = data(page, "geometry")
            at = np.array([told["x"], told["y"]])
            assert told["violation"] < NEAR
            if not at.any():
                continue
            ball, ring = points(page, "#geometry path.ball"), points(page, "#geometry path.touching")
            block, gradient = GRAM[np.ix_(pair_, pair_)], np.array([told["gradientX"], told["gradientY"]])
            centre = at - np.linalg.solve(block, gradient)

            def loss(points_, centre=centre, block=block):
                return np.einsum("ij,jk,ik->i", points_ - centre, block, points_ - centre) / 2

            level = loss(at[None])[0]
            np.testing.assert_allclose(loss(ring), level, atol=NEAR)  # the contour is one of this data's loss
            assert loss(ball).min() >= level - NEAR  # and the ball nowhere enters it


def test_the_gradient_at_the_fit_is_parallel_to_the_balls_normal(page):
    choose(page, "l2")
    for pair_ in [(0, 1), (1, 3), (2, 4), (0, 5)]:
        pair(page, *pair_)
        for index in (10, 40, 70):
            move(page, index)
            told = data(page, "geometry")
            gradient, normal = np.array([told["gradientX"], told["gradientY"]]), np.array([told["x"], told["y"]])
            sine = (gradient[0] * normal[1] - gradient[1] * normal[0]) / np.linalg.norm(gradient) / np.linalg.norm(normal)
            assert abs(sine) < NEAR and gradient @ normal < 0


def test_the_gradient_is_the_datas_and_within_the_corners_normals(page):
    pair(page, 2, 4)
    for index in (20, 45, 70):
        move(page, index)
        alpha = alphas(page)[index]
        w, told = solved("l1", alpha), data(page, "geometry")
        wanted = (GRAM @ w - PULL)[[2, 4]]
        np.testing.assert_allclose([told["gradientX"], told["gradientY"]], wanted, atol=NEAR)
        for value, slope in zip(w[[2, 4]], wanted, strict=True):
            assert abs(slope) <= alpha + NEAR if value == 0 else abs(slope + alpha * np.sign(value)) < NEAR


def test_a_corner_is_told_and_marked(page):
    index = next(i for i in range(10, 100) if 0 < np.count_nonzero(solved("l1", alphas(page)[i])) < 6)
    w = solved("l1", alphas(page)[index])
    zero, kept = int(np.flatnonzero(w == 0)[0]), int(np.flatnonzero(w)[0])
    pair(page, kept, zero)
    move(page, index)
    assert f"x{zero} is exactly zero: the contour meets the corner" in page.locator("#geometry .saying").inner_text()
    assert "corner" in page.locator("#geometry circle.fit").get_attribute("class")
    move(page, 99)
    assert "exactly zero" not in page.locator("#geometry .saying").inner_text()


def test_hard_and_soft_say_t_and_alpha(page):
    pair(page, 0, 1)
    move(page, 60)
    w = solved("l1", alphas(page)[60])
    page.check("input[value=hard]")
    settled(page)
    hard = page.locator("#geometry .note").inner_text()
    assert "P(w) ≤ t" in hard and f"{np.abs(w).sum():.3g}"[:4] in hard and page.locator("#geometry path.sum").count() == 0
    page.check("input[value=soft]")
    settled(page)
    assert "loss + α P(w)" in page.locator("#geometry .note").inner_text()
    assert page.locator("#geometry path.sum").count() > 2


def test_least_squares_dragged_is_solved_by_the_page(page):
    pair(page, 0, 1)
    move(page, 40)
    page.locator("#geometry .centre").focus()
    for key in ["ArrowLeft"] * 8 + ["ArrowDown"] * 5:
        page.keyboard.press(key)
    settled(page)
    told = data(page, "geometry")
    at, alpha, half = np.array([told["x"], told["y"]]), alphas(page)[40], told["half"]
    w = solved("l1", alpha)
    block = GRAM[:2, :2]
    centre = w[:2] - np.linalg.solve(block, (GRAM @ w - PULL)[:2]) + half / 40 * np.array([-8.0, -5.0])
    root = np.linalg.cholesky(block).T * np.sqrt(2)  # two rows whose Gram matrix is that of the block
    found = sh.solve(root, root @ centre, sh.SquaredError(), 2 * alpha * sh.L1(), intercept=False, tol=1e-13)
    np.testing.assert_allclose(at, found.coef, atol=NEAR)
    assert "If the least loss lay at" in page.locator("#geometry .saying").inner_text()
    page.get_by_role("button", name="Put the least loss back").click()
    settled(page)
    np.testing.assert_allclose([data(page, "geometry")["x"], data(page, "geometry")["y"]], w[:2], atol=NEAR)


def test_a_penalty_that_is_not_convex_has_no_constraint_to_switch_to(page):
    assert page.locator("#geometry fieldset").is_visible()
    choose(page, "mcp")
    assert page.locator("#geometry fieldset").is_hidden()


def test_the_ball_is_within_the_picture_and_has_a_handle_where_it_has_an_edge(page):
    pair(page, 0, 1)
    for index in (10, 40, 70, 99):
        move(page, index)
        told = data(page, "geometry")
        assert np.abs(points(page, "#geometry path.ball")).max() <= told["half"] + NEAR
        handle, plot = (page.locator(f"#geometry {one}").bounding_box() for one in (".edge path", "svg"))
        assert plot["x"] < handle["x"] and handle["x"] + handle["width"] < plot["x"] + plot["width"]
    choose(page, "mcp")
    move(page, 99)
    assert page.locator("#geometry .edge").is_hidden() and page.locator("#geometry path.ball").get_attribute("d") == ""
    assert "Nothing is shaded" in page.locator("#geometry .note").inner_text()


@pytest.mark.parametrize("factor", [1e-4, 3e2, 1e5])
def test_the_titles_of_axes_are_clear_of_their_numbers(chromium, factor):
    with sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(X, factor * Y)) as one, chromium.new_context() as context:
        page = context.new_page()
        page.goto(one.address)
        page.wait_for_selector("#geometry svg text.axis-title")
        page.locator("#geometry svg").scroll_into_view_if_needed()
        settled(page)
        title = page.locator("#geometry text.axis-title").nth(1).bounding_box()
        numbers = [text.bounding_box() for text in page.locator("#geometry g.axis").nth(1).locator("text").all()]
        assert numbers and title["x"] + title["width"] <= min(box["x"] for box in numbers)
        assert title["x"] >= page.locator("#geometry").bounding_box()["x"]
        move(page, 99)  # where the ball is larger than the picture, and its handle at the edge
        handle = page.locator("#geometry .edge path").bounding_box()
        assert handle["x"] >= max(box["x"] + box["width"] for box in numbers)


# ---- the prior


def test_a_prior_dragged_moves_alpha_everywhere(page):
    move(page, 50)
    before = data(page, "prior")
    page.locator("#prior svg").scroll_into_view_if_needed()
    handle = page.locator("#prior .scale .catch").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    settled(page)
    after = data(page, "prior")
    assert after["scale"] > before["scale"] and after["index"] > 50
    assert data(page, "geometry")["index"] == after["index"] == data(page, "shrinkage")["index"]
    alpha = alphas(page)[int(after["index"])]
    sigma2 = page.evaluate("() => JSON.parse(document.getElementById('record').textContent).noise.dispersion")
    np.testing.assert_allclose(after["scale"], sigma2 / (len(Y) * alpha), rtol=NEAR)
    shown = float(page.input_value("input[name=alpha]"))
    np.testing.assert_allclose(shown, alpha, rtol=1e-3)


def test_mode_mean_and_sd_of_a_coefficient(page):
    from scipy.integrate import quad

    page.select_option("#prior select", "3")
    move(page, 45)
    told, alpha = data(page, "prior"), alphas(page)[45]
    w = solved("l1", alpha)
    sigma2 = page.evaluate("() => JSON.parse(document.getElementById('record').textContent).noise.dispersion")
    pull = PULL[3] - GRAM[3] @ w + w[3]

    def density(u):
        return np.exp(
            -len(Y) / sigma2 * (u * u / 2 - pull * u + alpha * abs(u) - w[3] ** 2 / 2 + pull * w[3] - alpha * abs(w[3]))
        )

    knots = np.unique([w[3] - 8, 0.0, w[3], w[3] + 8])

    def moment(f):
        return sum(quad(f, low, high, epsabs=1e-13, limit=200)[0] for low, high in zip(knots[:-1], knots[1:], strict=True))

    mass = moment(density)
    mean = moment(lambda u: u * density(u)) / mass
    np.testing.assert_allclose(told["mode"], w[3], atol=NEAR)
    np.testing.assert_allclose(told["mean"], mean, atol=NEAR)
    np.testing.assert_allclose(told["sd"], np.sqrt(moment(lambda u: (u - mean) ** 2 * density(u)) / mass), atol=NEAR)


# ---- what asks the server


@pytest.mark.parametrize("penalty", PENALTIES)
def test_another_penalty_is_fitted(page, penalty):
    """And l1 again, after another. The page tells alpha to every digit, for a fit elsewhere."""
    if penalty == "l1":
        choose(page, "l2")
    choose(page, penalty, {"group_lasso": "group"}.get(penalty))
    pair(page, 0, 5)
    for index in (25, 45, 75):
        move(page, index)
        alpha = float(page.locator(".cursor output").get_attribute("data-alpha"))
        shown, told = float(page.input_value("input[name=alpha]")), data(page, "geometry")
        w = solved(penalty, alpha, **words_of(penalty))
        np.testing.assert_allclose([told["x"], told["y"]], w[[0, 5]], rtol=NEAR)
        np.testing.assert_allclose(shown, alpha, rtol=1e-3)
        assert told["violation"] < NEAR


def test_alpha_and_prior_scale_are_two_names_of_one_number(page):
    page.select_option("#prior select", "1")
    settled(page)
    page.fill("input[name=alpha]", "0.2")
    page.press("input[name=alpha]", "Enter")
    page.wait_for_function("() => document.querySelector('.status').textContent.startsWith('fitted')")
    told = data(page, "prior")
    w = solved("l1", 0.2)
    np.testing.assert_allclose(told["mode"], w[1], atol=NEAR)
    scale = float(page.input_value("input[name=prior-scale]"))
    np.testing.assert_allclose(scale, told["scale"] / SD[1], rtol=1e-3)
    page.fill("input[name=prior-scale]", str(2 * scale))
    page.press("input[name=prior-scale]", "Enter")
    page.wait_for_function("() => Number(document.querySelector('input[name=alpha]').value) < 0.15")
    np.testing.assert_allclose(float(page.input_value("input[name=alpha]")), 0.1, rtol=2e-2)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
@pytest.mark.parametrize("factor", [0.05, 0.4, 3])
def test_a_prior_scale_that_is_typed_is_the_one_that_is_fitted(page, penalty, factor):
    """Though each fit estimates the noise anew. The field that has the focus shows what the fit has."""
    if penalty != "l1":
        choose(page, penalty)
    page.select_option("#prior select", "1")
    settled(page)
    box, wanted = "input[name=prior-scale]", f"{factor * float(page.input_value('input[name=prior-scale]')):.3g}"
    page.evaluate("() => (document.documentElement.dataset.answered = '')")
    page.fill(box, wanted)
    page.press(box, "Enter")
    page.wait_for_function("() => document.documentElement.dataset.answered !== ''")
    settled(page)
    shown = float(page.input_value(box))
    np.testing.assert_allclose(shown, float(wanted), rtol=1e-3)
    np.testing.assert_allclose(data(page, "prior")["scale"] / SD[1], shown, rtol=1e-3)
    alpha = float(page.locator(".cursor output").get_attribute("data-alpha"))
    fit = sh.PenalizedRegressor(penalty=penalty, alpha=alpha, standardize=True).fit(X, Y)
    sigma2 = float(re.search(r"sigma = ([\d.]+)", page.locator("#prior .note").inner_text())[1]) ** 2
    rss = np.sum((Y - fit.predict(X)) ** 2)
    scale = sigma2 / (len(Y) * alpha)
    np.testing.assert_allclose(scale if penalty == "l1" else np.sqrt(scale), shown * SD[1], rtol=2e-3)
    assert rss / len(Y) < sigma2 < 1.1 * rss / len(Y)  # the noise of this fit, not of the one before


def test_a_feature_dropped_and_kept_again(page):
    page.locator(".dials details summary").click()
    page.uncheck("input[name=keep][value=x2]")
    page.wait_for_function("() => document.querySelectorAll('#prior select option').length === 5")
    assert "x2 dropped" in page.locator(".dials summary").inner_text()
    page.check("input[name=keep][value=x2]")
    page.wait_for_function("() => document.querySelectorAll('#prior select option').length === 6")


def test_more_noise_is_a_wider_prior(page):
    before = data(page, "prior")
    page.fill("input[name=noise]", "8")
    page.press("input[name=noise]", "Enter")
    page.wait_for_function("() => document.querySelector('.status').textContent.startsWith('fitted')")
    after = data(page, "prior")
    np.testing.assert_allclose(after["mode"], before["mode"], rtol=1e-12)
    alpha = alphas(page)[int(after["index"])]
    np.testing.assert_allclose(after["scale"], 64 / (len(Y) * alpha), rtol=NEAR)


def test_a_refusal_is_shown_and_the_page_keeps_its_state(page):
    move(page, 33)
    before = data(page, "geometry")
    page.fill("input[name=alpha]", "-1")
    page.press("input[name=alpha]", "Enter")
    page.wait_for_selector(".dials .error:not([hidden])")
    assert "alpha must be a number positive; got -1" in page.locator(".dials .error").inner_text()
    assert data(page, "geometry") == before
    page.locator("h1").click()
    move(page, 34)
    assert data(page, "geometry")["index"] == 34


def test_a_page_without_its_server_says_so(chromium):
    explorer = sh.explore(sh.PenalizedRegressorCV(standardize=True).fit(X, Y))
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(explorer.address)
        page.wait_for_selector("#shrinkage svg")
        explorer.close()
        page.select_option("select[name=penalty]", "l2")
        page.wait_for_selector(".dials .error:not([hidden])")
        assert "The server does not answer" in page.locator(".dials .error").inner_text()
        move(page, 10)
        assert data(page, "geometry")["index"] == 10


def test_rows_are_drawn_for_a_refit_when_they_are_asked_for(page):
    """A refit has no stability of its own until then; the fit, the cursor and the pair stay."""
    assert page.locator("#stability rect[data-share]").count() == 6
    choose(page, "elastic_net")
    pair(page, 2, 4)
    move(page, 50)
    assert page.locator("#stability rect[data-share]").count() == 0
    assert "no halves of the rows have been drawn yet" in page.locator("#stability").inner_text()
    assert "predicted by the model itself" in page.locator("#fitted").text_content()
    page.get_by_role("button", name="Draw them").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#stability rect[data-share]")
    assert page.evaluate("() => document.activeElement.id") == "stability"
    assert "kept in at least nine of ten draws" in page.locator("#stability .saying").inner_text()
    assert "each row predicted by the fold" in page.locator("#fitted").text_content()
    assert data(page, "geometry")["index"] == 50 and page.input_value("#geometry select[data-side=x]") == "2"
    choose(page, "l1")
    assert page.locator("#stability rect[data-share]").count() == 0


# ---- the tour


def test_the_tour_has_seven_steps_and_gives_focus_back(page):
    page.get_by_role("button", name="Guided tour").click()
    titles = []
    for step in range(1, 8):
        page.wait_for_selector(f".tour[data-step='{step}'][aria-busy=false]")
        titles.append(page.locator(".tour h2").inner_text())
        assert page.locator(".lit").count() == 1
        assert not re.search(r"undefined|NaN|–", page.locator(".tour").inner_text())
        page.locator(".tour").get_by_role("button", name="Next" if step < 7 else "End").click()
    words = ["overfit", "penalties", "zero", "diamond", "map", "laplace", "pytorch"]
    assert len(titles) == 7 and all(word in title.lower() for word, title in zip(words, titles, strict=True))
    page.wait_for_selector(".tour", state="detached")
    assert page.evaluate("() => document.activeElement.textContent") == "Guided tour"
    page.keyboard.press("Enter")
    page.wait_for_selector(".tour[aria-busy=false]")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tour", state="detached")


def test_on_a_small_screen_each_step_shows_the_heading_of_what_it_speaks_of(chromium, explorer):
    places = """() => {
      const box = (one) => document.querySelector(one).getBoundingClientRect();
      const heading = box(".lit h2");
      return [box(".cursor").bottom, heading.top, heading.bottom, box(".tour").top, document.querySelector(".tour").scrollTop];
    }"""
    with chromium.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(explorer.address)
        page.wait_for_selector("#shrinkage svg")
        page.get_by_role("button", name="Guided tour").click()
        for step in range(1, 8):
            page.wait_for_selector(f".tour[data-step='{step}'][aria-busy=false]")
            page.wait_for_timeout(300)
            cursor, top, bottom, tour, scrolled = page.evaluate(places)
            assert cursor < top < bottom < tour and scrolled == 0, step
            page.evaluate("() => document.querySelector('.tour').scrollTo(0, 999)")
            page.locator(".tour").get_by_role("button", name="Next" if step < 7 else "End").click()


# ---- for everyone


def test_the_button_of_the_theme_names_the_other_one_also_after_dusk(page):
    button = page.get_by_role("button", name="Switch between light and dark")
    assert button.inner_text() == "Dark"
    page.emulate_media(color_scheme="dark")
    settled(page)
    assert button.inner_text() == "Light"


def test_every_handle_answers_to_the_keyboard(page):
    for selector, key in [
        ("#geometry .edge", "ArrowRight"),
        ("#prior .scale", "ArrowUp"),
        (".cursor input[type=range]", "ArrowRight"),
    ]:
        move(page, 50)
        page.locator(selector).focus()
        page.keyboard.press(key)
        settled(page)
        assert data(page, "geometry")["index"] == data(page, "prior")["index"] == 51, selector


def violations(page, axe):
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [(v["id"], [node["html"][:120] for node in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_contrast_names_and_small_screens(chromium, explorer, axe, scheme, width):
    with chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    ) as context:
        page = context.new_page()
        page.goto(explorer.address)
        page.wait_for_selector("#shrinkage svg")
        assert violations(page, axe) == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        page.get_by_role("button", name="Guided tour").click()
        page.wait_for_selector(".tour[aria-busy=false]")
        assert violations(page, axe) == []

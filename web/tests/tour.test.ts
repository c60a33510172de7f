// @vitest-environment jsdom
/** The tour: seven steps told with the numbers of the fit on the page, reached and left by keys. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { wantedOf } from "../src/controls";
import { told } from "../src/frame";
import { belief } from "../src/scene";
import type { PageRecord } from "../src/record";
import type { Wanted } from "../src/server";
import { start, Store } from "../src/state";
import { guide } from "../src/tour";
import { chapters } from "../src/tour-words";
import { at, press, records } from "./page";

const { l1, l2 } = records;
const names = Object.keys(records) as (keyof typeof records)[];
const titled = (word: string) => chapters.find((chapter) => chapter.title.includes(word))!;

describe("the words", () => {
  it.each(names)("have every number of a fit under %s", (name) => {
    const record = records[name];
    for (const chapter of chapters) {
      const now = { ...start(record), ...chapter.state(record, start(record)) };
      const text = [...chapter.words(record, now), chapter.code?.(record, now) ?? ""].join(" ");
      expect(text, chapter.title).not.toMatch(/NaN|undefined|null|Infinity|–/);
    }
  });

  it("say by how much the weakest penalty overfits", () => {
    const chapter = titled("Overfitting");
    const now = { ...start(l1), ...chapter.state(l1, start(l1)) };
    const last = l1.path.alphas.length - 1;
    expect(now.index).toBe(last);
    const text = chapter.words(l1, now).join(" ");
    expect(text).toContain(told(l1.curve!.train[last])); // with the digits of the page
    expect(text).toContain(told(l1.curve!.mean[last]));
    expect(chapter.words({ ...l1, curve: null }, now).join(" ")).toContain("of the deviance in the rows it has seen");
  });

  it("say whether a stronger penalty does better than the weakest, and whether by more than its error", () => {
    const chapter = titled("Overfitting");
    const last = l1.path.alphas.length - 1;
    const text = (least: number, se: number, index_min: number) => {
      const mean = l1.curve!.mean.map((m, i) => (i === last ? 2977 : i === index_min ? least : m));
      const curve = { ...l1.curve!, mean, se: mean.map(() => se), index_min };
      return chapter.words({ ...l1, curve }, { ...start(l1), index: last })[1];
    };
    expect(text(2977, 130, last)).toContain("No stronger penalty of the path does better");
    expect(text(2972, 130, 5)).toContain("on rows held out 2977");
    expect(text(2972, 130, 5)).toContain("the held-out error is 2972, better by less than its standard error of 130");
    expect(text(2500, 130, 5)).toMatch(/the held-out error is 2500\.$/);
    expect(text(2976.9, 130, 5)).toContain("has the same to four digits");
    for (const [least, index] of [[2972, 5], [2500, 5], [2976.9, 5]]) expect(text(least, 130, index)).not.toContain("No stronger");
  });

  it("name what stays at zero under the push, or say that nothing does", () => {
    const chapter = titled("gradients");
    expect(chapter.words(l1, start(l1)).join(" ")).toContain("The data pull noise less than that");
    const weak = { ...start(l1), index: l1.path.alphas.length - 1 };
    expect(chapter.words(l1, weak).join(" ")).toContain("all are kept");
  });

  it("bring a corner into view where there is one", () => {
    const chapter = titled("Diamond");
    const now = { ...start(l1), ...chapter.state(l1, start(l1)) };
    expect(now.pair).toEqual([at("dose"), at("noise")]);
    expect(now.hard).toBe(true);
    expect(chapter.words(l1, now).join(" ")).toContain("noise is exactly zero here: the contour meets the corner");
    const weak = { ...now, index: l1.path.alphas.length - 1 };
    expect(chapter.words(l1, weak).join(" ")).toContain("the contour meets a side");
  });

  it("tell the mode from the mean", () => {
    const chapter = titled("MAP");
    const now = { ...start(l1), pair: [at("dose"), at("noise")] as [number, number] };
    const state = { ...now, ...chapter.state(l1, now) };
    expect(state.feature).toBe(at("noise"));
    const mean = told(belief(l1, l1.path.index, at("noise"))!.posterior.mean, 3);
    expect(chapter.words(l1, state).join(" ")).toContain(`For noise the mode is 0 and the mean ${mean}`);
  });

  it("give the prior's scale by its formula", () => {
    const { dispersion, weight } = l1.noise;
    const text = titled("Laplace").words(l1, start(l1)).join(" ");
    expect(text).toContain("b = σ² / (n α)");
    expect(text).toContain(`it is ${told(dispersion! / (weight * l1.path.alphas[l1.path.index]), 3)} per sd`);
    expect(titled("Laplace").words(l2, start(l2)).join(" ")).toContain("s² = σ² / (n α)");
  });

  it("write the strength that was chosen into the code", () => {
    const alpha = Number(l1.path.alphas[l1.path.index].toPrecision(3));
    expect(titled("PyTorch").code!(l1, start(l1))).toContain(`sh.L1(${alpha})`);
  });
});

describe("the dialog", () => {
  let record: PageRecord;
  let store: Store;
  let wanted: Wanted;
  let asked: Partial<Wanted>[];
  let toggle: () => void;
  const find = <E extends HTMLElement>(selector: string) => document.querySelector<E>(selector);
  const button = (name: string) => [...document.querySelectorAll<HTMLButtonElement>(".tour button")].find((one) => one.textContent === name);
  const step = (n: number) => vi.waitFor(() => expect(find(`.tour[data-step="${n}"][aria-busy=false] h2`)).not.toBeNull());

  beforeEach(() => {
    // What a browser has and jsdom has not.
    vi.stubGlobal("matchMedia", () => ({ matches: true }));
    Element.prototype.scrollIntoView = () => {};
    const sections = [...new Set(chapters.map((chapter) => chapter.section))];
    document.body.innerHTML = `<button id="open">Guided tour</button>${sections.map((id) => `<section id="${id}"></section>`).join("")}`;
    use(l1);
    asked = [];
    toggle = guide({
      record: () => record,
      store: () => store,
      wanted: () => wanted,
      ask: async (part) => {
        asked.push(part);
        use(part.penalty === "l2" ? l2 : l1);
      },
    });
    find("#open")!.focus();
    toggle();
  });
  afterEach(() => vi.unstubAllGlobals());

  function use(one: PageRecord) {
    [record, store, wanted] = [one, new Store(start(one), (run) => run()), wantedOf(one)];
  }

  it("goes through seven steps and back, with the section of each in light", async () => {
    for (let n = 1; n <= 7; n++) {
      await step(n);
      expect(find(".tour h2")!.textContent).toBe(chapters[n - 1].title);
      expect(find(".count")!.textContent).toBe(`Step ${n} of 7`);
      expect([...document.querySelectorAll(".lit")].map((section) => section.id)).toEqual([chapters[n - 1].section]);
      expect(document.activeElement).toBe(find(".tour h2"));
      expect(button("Back")!.disabled).toBe(n === 1);
      if (n < 7) button("Next")!.click();
    }
    button("Back")!.click();
    await step(6);
    expect(asked).toEqual([]); // the lasso is on the page already
  });

  it("ends by its last button, and by Escape; the focus goes back", async () => {
    for (let n = 1; n < 7; n++) {
      await step(n);
      button("Next")!.click();
    }
    await step(7);
    expect(button("Close")).toBeUndefined();
    button("End")!.click();
    expect(find(".tour")).toBeNull();
    expect(document.activeElement).toBe(find("#open"));
    expect(document.querySelectorAll(".lit")).toHaveLength(0);
    toggle();
    await step(1);
    press(find(".tour")!, "Escape");
    expect(find(".tour")).toBeNull();
    expect(document.activeElement).toBe(find("#open"));
  });

  it("is closed by the button that opened it", async () => {
    await step(1);
    toggle();
    expect(find(".tour")).toBeNull();
  });

  it("fits the lasso for a step that speaks of it, and tells its numbers", async () => {
    use(l2);
    await step(1);
    button("Next")!.click();
    await step(2);
    expect(asked).toEqual([{ penalty: "l1", alpha: null }]);
    expect(find(".tour")!.textContent).toContain("keeps 3 of 4");
  });

  it("tries another penalty by a button, and sets the state of its step", async () => {
    await step(1);
    expect(store.now.index).toBe(l1.path.alphas.length - 1);
    button("Next")!.click();
    await step(2);
    expect(store.now.index).toBe(l1.path.index);
    button("Fit ridge")!.click();
    await vi.waitFor(() => expect(asked).toEqual([{ penalty: "l2", alpha: null }]));
    expect(document.querySelectorAll(".tour .figure svg")).toHaveLength(2);
  });
});

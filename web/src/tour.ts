/** A guided tour in seven steps, told with the numbers of the fit that is on the page. */

import "./tour.css";
import { add } from "./frame";
import { densities, penalties, steps } from "./tour-figures";
import { chapters, type Chapter } from "./tour-words";
import type { PageRecord } from "./record";
import type { Wanted } from "./server";
import type { Store } from "./state";

export interface Stage {
  record(): PageRecord;
  store(): Store;
  wanted(): Wanted;
  ask(part: Partial<Wanted>): Promise<void>;
}

const FIGURES: Record<NonNullable<Chapter["figure"]>, (element: HTMLElement) => void> = { penalties, steps, densities };

/** What the button does: open the tour at its first step, or close it. */
export function guide(stage: Stage): () => void {
  let panel: HTMLElement | null = null;
  let opener: Element | null = null;
  const close = () => {
    panel?.remove();
    panel = null;
    light(null);
    document.body.classList.remove("touring");
    if (opener instanceof HTMLElement) opener.focus();
  };
  return () => {
    if (panel !== null) return close();
    opener = document.activeElement;
    panel = document.createElement("div");
    panel.className = "tour";
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-labelledby", "tour-title");
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
    });
    document.body.append(panel);
    document.body.classList.add("touring");
    void tell(panel, stage, 0, close);
  };
}

async function tell(panel: HTMLElement, stage: Stage, step: number, close: () => void): Promise<void> {
  const chapter = chapters[step];
  panel.dataset.step = String(step + 1);
  panel.setAttribute("aria-busy", "true");
  await prepare(chapter, stage);
  if (!panel.isConnected) return;
  panel.replaceChildren();
  panel.setAttribute("aria-busy", "false");
  add(panel, "p", `Step ${step + 1} of ${chapters.length}`, { class: "count" });
  const title = add(panel, "h2", chapter.title);
  title.id = "tour-title";
  title.tabIndex = -1;
  for (const text of chapter.words(stage.record(), stage.store().now)) add(panel, "p", text);
  if (chapter.figure) FIGURES[chapter.figure](add(panel, "div", "", { class: "figure" }));
  if (chapter.code) add(panel, "pre", chapter.code(stage.record(), stage.store().now)).tabIndex = 0;
  const row = add(panel, "div", "", { class: "row" });
  for (const [name, part] of chapter.tries ?? [])
    add(row, "button", name).addEventListener("click", () => void stage.ask(part).then(() => light(chapter.section)));
  button(row, "Back", step === 0 ? null : () => void tell(panel, stage, step - 1, close));
  const last = step === chapters.length - 1;
  button(row, last ? "End" : "Next", last ? close : () => void tell(panel, stage, step + 1, close));
  if (!last) button(row, "Close", close);
  light(chapter.section);
  panel.scrollTop = 0;
  title.focus({ preventScroll: true });
}

/** The fit and the choices that a step speaks of. */
async function prepare(chapter: Chapter, stage: Stage): Promise<void> {
  if (chapter.penalty && stage.wanted().penalty !== chapter.penalty)
    await stage.ask({ penalty: chapter.penalty, alpha: null });
  stage.store().set(chapter.state(stage.record(), stage.store().now));
  stage.store().flush();
}

function button(row: HTMLElement, name: string, act: (() => void) | null): void {
  const made = add(row, "button", name);
  made.disabled = act === null;
  if (act) made.addEventListener("click", act);
}

/** Mark the section a step speaks of, and bring it into view. */
function light(id: string | null): void {
  document.querySelectorAll(".lit").forEach((element) => element.classList.remove("lit"));
  const section = id === null ? null : document.getElementById(id);
  if (section === null) return;
  section.classList.add("lit");
  const bar = document.querySelector<HTMLElement>(".cursor"); // which stays at the top, and covers what is under it
  section.style.scrollMarginTop = `${(bar?.offsetHeight ?? 0) + 16}px`;
  const box = section.getBoundingClientRect();
  document.querySelector(".tour")?.classList.toggle("left", box.left + box.width / 2 > innerWidth / 2 + 1); // not over what it speaks of
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  section.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
}

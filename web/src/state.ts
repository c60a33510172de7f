import type { PageRecord } from "./record";

/** What the reader has chosen. Indices are positions on the path and in `features`. */
export interface State {
  index: number; // of alpha
  pair: [number, number]; // the two coefficients of the geometry
  feature: number; // the coefficient of prior and posterior
  hard: boolean; // the constraint P(w) <= t rather than the penalty alpha P(w)
}

type Listener = (state: State, changed: (key: keyof State) => boolean) => void;

/** One small store. Views subscribe; a change reaches them once, in one animation frame. */
export class Store {
  private listeners: Listener[] = [];
  private pending = new Set<keyof State>();
  private scheduled = false;

  constructor(
    public now: State,
    private schedule: (run: () => void) => void = (run) => requestAnimationFrame(run),
  ) {}

  /** Called at once, with everything changed, and after every change. */
  subscribe(listener: Listener): void {
    this.listeners.push(listener);
    listener(this.now, () => true);
  }

  /** Forget the views: they are about to be mounted anew. */
  clear(): void {
    this.listeners = [];
  }

  set(change: Partial<State>): void {
    for (const key of Object.keys(change) as (keyof State)[])
      if (JSON.stringify(this.now[key]) !== JSON.stringify(change[key])) this.pending.add(key);
    this.now = { ...this.now, ...change };
    if (this.pending.size && !this.scheduled) {
      this.scheduled = true;
      this.schedule(() => this.flush());
    }
  }

  /** Tell the views now. */
  flush(): void {
    this.scheduled = false;
    const changed = this.pending;
    this.pending = new Set();
    if (changed.size) for (const listener of this.listeners) listener(this.now, (key) => changed.has(key));
  }
}

/** Where a reader starts: at the chosen model, with its two largest coefficients. */
export function start(record: PageRecord): State {
  const { path, features } = record;
  const size = features.names.map((_, j) => Math.abs(path.coefs[j][path.index] * (features.sd[j] / features.unit[j])));
  const order = size.map((_, j) => j).sort((a, b) => size[b] - size[a] || a - b);
  return {
    index: path.index,
    pair: [order[0] ?? 0, order[1] ?? order[0] ?? 0],
    feature: order[0] ?? 0,
    hard: false,
  };
}

import type { Automaton } from './automaton.js';
import type { Constraint } from './constraint.js';
import type { TokenBytes } from './token-bytes.js';

/** Tokens in the order of their bytes, each with how many bytes it shares with the one before: a trie, written down in a row. */
function inOrder(bytes: TokenBytes['bytes']) {
  const texts = bytes.flatMap((each, token) =>
    each === undefined ? [] : [{ token, text: String.fromCharCode(...each), bytes: each }],
  );
  texts.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.token - b.token));
  return texts.map((each, i) => {
    const before = texts[i - 1]?.bytes ?? new Uint8Array();
    let shared = 0;
    while (shared < before.length && before[shared] === each.bytes[shared]) shared++;
    return { token: each.token, bytes: each.bytes, shared };
  });
}

/** Where each token leads from a state; what tokens share is walked once, and not at all beyond where it ends. */
function follow(
  { step }: Automaton,
  tokens: ReturnType<typeof inOrder>,
  state: number,
  after: Int32Array,
): Int32Array {
  const path = [state];
  for (const { token, bytes, shared } of tokens) {
    if (shared >= path.length) continue;
    path.length = shared + 1;
    while (path.length <= bytes.length) {
      const next = step(path.at(-1)!, bytes[path.length - 1]!);
      if (next < 0) break;
      path.push(next);
    }
    if (path.length > bytes.length) after[token] = path[bytes.length]!;
  }
  return after;
}

/**
 * The tokens after each state that is ever reached, without those after which no text can be completed: where not every byte
 * is a token, a text may need one that does not exist.
 */
function withoutDeadEnds(
  start: number,
  after: Constraint['after'],
  accepts: Constraint['accepts'],
): Map<number, Int32Array> {
  const before = new Map<number, number[]>([[start, []]]);
  // A map goes on with what is added to it while it is walked through.
  for (const state of before.keys()) {
    for (const next of new Set(after(state))) {
      if (next < 0) continue;
      if (before.has(next)) before.get(next)!.push(state);
      else before.set(next, [state]);
    }
  }
  const live = new Set([...before.keys()].filter(accepts));
  for (const state of live) for (const each of before.get(state)!) live.add(each);
  return new Map(
    [...live].map((state) => [state, after(state).map((next) => (live.has(next) ? next : -1))]),
  );
}

/** An automaton over bytes as one over tokens. The tokens that may come in a state are found when it is first visited. */
export function lift(automaton: Automaton, { bytes, stripsFirst }: TokenBytes): Constraint {
  const SPACE = 0x20;
  const tokens = inOrder(bytes);
  const first = stripsFirst
    ? inOrder(bytes.map((each) => (each?.[0] === SPACE ? each.slice(1) : each)))
    : tokens;
  const known = new Map<number, Int32Array>();
  const { accepts } = automaton;
  // Before the first token: a state of its own, since that token may lose its space.
  const start = -1;
  const lifted: Constraint = {
    start,
    accepts: (state) => accepts(state === start ? automaton.start : state),
    after: (state) => {
      const before = known.get(state);
      if (before !== undefined) return before;
      const empty = new Int32Array(bytes.length).fill(-1);
      const after =
        state === start
          ? follow(automaton, first, automaton.start, empty)
          : follow(automaton, tokens, state, empty);
      known.set(state, after);
      return after;
    },
  };
  const single = new Set(bytes.flatMap((each) => (each?.length === 1 ? [each[0]!] : [])));
  if (single.size === 256) return lifted;
  const live = withoutDeadEnds(start, lifted.after, lifted.accepts);
  const nothing = new Int32Array(bytes.length).fill(-1);
  return { ...lifted, after: (state) => live.get(state) ?? nothing };
}

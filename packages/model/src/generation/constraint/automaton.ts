import { DFA, JS, NFA } from 'refa';

/** A deterministic automaton over the bytes of UTF-8, made state by state as it is walked. */
export interface Automaton {
  readonly start: number;
  /** The state after a byte, -1 if no text that is accepted goes on so. */
  readonly step: (state: number, byte: number) => number;
  readonly accepts: (state: number) => boolean;
}

interface Edge {
  readonly min: number;
  readonly max: number;
  readonly to: number;
}

/** States of an automaton over code points; the first is the start. */
interface Node {
  readonly accepts: boolean;
  /** Only to states from which an accepting one can be reached. */
  readonly edges: readonly Edge[];
}

const [SURROGATES, AFTER_SURROGATES, LAST] = [0xd800, 0xe000, 0x10ffff];

/** The parts of a range that are code points of texts: UTF-8 has no surrogates. */
const withoutSurrogates = ({ min, max, to }: Edge): Edge[] =>
  [
    { min, max: Math.min(max, SURROGATES - 1), to },
    { min: Math.max(min, AFTER_SURROGATES), max, to },
  ].filter((part) => part.min <= part.max);

/** The smallest automaton of a regular expression, over code points. */
function codePointNodes(source: string, flags: string): Node[] {
  const parser = JS.Parser.fromLiteral({ source, flags });
  const { expression, maxCharacter } = parser.parse({
    assertions: 'throw',
    backreferences: 'throw',
  });
  const dfa = DFA.fromFA(NFA.fromRegex(expression, { maxCharacter }));
  dfa.minimize();
  const numbers = new Map([...dfa.nodes()].map((node, i) => [node, i]));
  const nodes = [...numbers.keys()].map((node) => ({
    accepts: dfa.finals.has(node),
    edges: Array.from(node.out, ([{ min, max }, to]) => ({
      min,
      max,
      to: numbers.get(to)!,
    })).flatMap(withoutSurrogates),
  }));
  const live = new Set<number>();
  for (let before = -1; before < live.size;) {
    before = live.size;
    nodes.forEach(({ accepts, edges }, i) => {
      if (accepts || edges.some(({ to }) => live.has(to))) live.add(i);
    });
  }
  return nodes.map(({ accepts, edges }) => ({
    accepts,
    edges: edges.filter(({ to }) => live.has(to)),
  }));
}

/** The smallest code point of as many bytes after the first; fewer would do for a smaller one. */
const SMALLEST = [0, 0x80, 0x800, 0x1_0000] as const;

/** How many bytes follow a first one, 0 if none can: what UTF-8 does not use leads nowhere. */
function following(byte: number): number {
  if (byte >= 0xc2 && byte < 0xe0) return 1;
  if (byte >= 0xe0 && byte < 0xf0) return 2;
  return byte >= 0xf0 && byte < 0xf5 ? 3 : 0;
}

/** A character of which some bytes are there. */
interface Partial {
  readonly node: number;
  /** The bits so far. */
  readonly code: number;
  /** Bytes after the first: all, and those that are missing. */
  readonly length: number;
  readonly missing: number;
}

/** The automaton of the whole texts that an expression of JavaScript's matches; throws what `refa` says of one that is not regular. */
export function automatonOf(source: string, flags: string): Automaton {
  const nodes = codePointNodes(source, flags);
  const states: Partial[] = [];
  const known = new Map<string, number>();
  const intern = (state: Partial): number => {
    const key = `${state.node} ${state.code} ${state.length} ${state.missing}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    known.set(key, states.length);
    return states.push(state) - 1;
  };
  const whole = (node: number): number => intern({ node, code: 0, length: 0, missing: 0 });
  const complete = (node: number, code: number): number => {
    const edge = nodes[node]!.edges.find(({ min, max }) => min <= code && code <= max);
    return edge === undefined ? -1 : whole(edge.to);
  };
  const partial = (state: Partial): number => {
    const { node, code, length, missing } = state;
    if (missing === 0) return code < SMALLEST[length]! ? -1 : complete(node, code);
    const low = Math.max(code * 64 ** missing, SMALLEST[length]!);
    const high = Math.min((code + 1) * 64 ** missing - 1, LAST);
    const possible =
      low <= high && nodes[node]!.edges.some(({ min, max }) => min <= high && low <= max);
    return possible ? intern(state) : -1;
  };
  return {
    start: whole(0),
    accepts: (state) => states[state]!.missing === 0 && nodes[states[state]!.node]!.accepts,
    step(state, byte) {
      const { node, code, length, missing } = states[state]!;
      if (missing > 0) {
        if (byte >> 6 !== 0b10) return -1;
        return partial({ node, code: code * 64 + (byte & 0x3f), length, missing: missing - 1 });
      }
      if (byte < 0x80) return complete(node, byte);
      const more = following(byte);
      if (more === 0) return -1;
      return partial({ node, code: byte & (0x3f >> more), length: more, missing: more });
    },
  };
}

/**
 * Which texts a completion may have, as an automaton over tokens. A completion ends where its text is complete and a stop
 * token is drawn, or nothing more can follow.
 */
export interface Constraint {
  /** The state before the first token. */
  readonly start: number;
  /** `[V]`, the state after each token, -1 where the token must not come; not to be changed. */
  readonly after: (state: number) => Int32Array;
  /** Whether the text may end here. */
  readonly accepts: (state: number) => boolean;
}

import type { Numbers } from './number-format.js';

/** A tensor that lies in a file and has not been read. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** `unread` for a dtype that is not read: the tensor may be there, and must not be needed. */
  readonly kind: 'float32' | 'int32' | 'unread';
  /** Why an unread tensor cannot be read. */
  readonly problem?: string;
  /**
   * Fills as many numbers, from the number `from` on, which begins a row (0 where nothing is said);
   * half-precision and quantised ones become float32.
   */
  readonly read: (into: Numbers, from?: number) => Promise<void>;
  /** Where it can only be read as a whole. */
  readonly whole?: true;
  /** Where its bytes are its numbers already. */
  readonly raw?: { readonly path: string; readonly begin: number };
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, n) => product * n, 1);

/** The tensors of a checkpoint, whose files stay open until it is closed. */
export interface Stored {
  readonly tensors: readonly StoredTensor[];
  readonly close: () => Promise<void>;
}

import type { Numbers } from '../numbers/format.js';

/** A tensor that lies in a file and has not been read. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: 'float32' | 'int32';
  /** Reads its numbers; half-precision and quantised ones become float32. */
  readonly read: () => Promise<Numbers>;
}

/** The tensors of a checkpoint, whose files stay open until it is closed. */
export interface Stored {
  readonly tensors: readonly StoredTensor[];
  readonly close: () => Promise<void>;
}

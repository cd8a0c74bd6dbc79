import type * as tf from '@tensorflow/tfjs-core';

/** The parts of the WebAssembly backend that are used here. */
export interface WasmBackend extends tf.KernelBackend {
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: object): boolean;
  /** The module's exports as they are: its memory, and what gives out pieces of it (0 if there are none). */
  readonly wasm: {
    readonly asm: { readonly memory: object; readonly malloc: (bytes: number) => number };
  };
}

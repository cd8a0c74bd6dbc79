import * as tf from '@tensorflow/tfjs-core';

import type { Attribute, TensorMetadata } from './graph.js';

/** The values of a constant, as the binding takes them. */
export type Values = Float32Array | Int32Array | Uint8Array | readonly Uint8Array[];

/** The parts of tfjs-node's binding that are used here. */
export interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: readonly number[], dtype: number, values: Values): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(
    id: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): TensorMetadata[];
}

/** The parts of tfjs-node's backend that are used here. */
export interface NativeBackend extends tf.KernelBackend {
  binding: Binding;
  readonly tensorMap: {
    has(dataId: object): boolean;
    get(dataId: object): { readonly shape: number[]; readonly dtype: number; readonly id: number };
  };
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  executeSingleOutput(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tf.TensorInfo[],
  ): tf.Tensor;
  createOutputTensor(metadata: TensorMetadata): tf.Tensor;
}

/** The native backend, which must be the current one. */
export const nativeBackend = (): NativeBackend => tf.backend() as unknown as NativeBackend;

/** What TensorFlow handed back, as tensors that the caller owns. */
export const tensorsOf = (fetched: readonly TensorMetadata[]): tf.Tensor[] =>
  fetched.map((metadata) => nativeBackend().createOutputTensor(metadata));

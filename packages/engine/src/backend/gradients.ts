/**
 * Registers the gradients of TensorFlow.js' kernels. `tfjs-core` alone has none in Node.js, and its
 * module of gradients cannot be imported there; `tfjs-layers` registers them when it is loaded.
 */
export async function registerGradients(): Promise<void> {
  await import('@tensorflow/tfjs-layers');
}
